use msec_identity::{Identity, SpaceId, UnixMillis, Verified};
use proptest::prelude::*;

use super::*;
use crate::merkle::{Tree, leaf_hash};

const AUTHOR: [u8; 32] = [7; 32];

fn header(author: &Identity) -> LogHeader {
    LogHeader::new(SpaceId([0; 32]), "parks/noise".parse().expect("a path"), "mic-1", author.peer(), [1; 16])
}

/// A log whose entries from `forked` on are `branch`'s.
fn tree(size: u64, forked: u64, branch: u8) -> Tree {
    let mut tree = Tree::default();
    for i in 0..size {
        let on = if i < forked { 0 } else { branch };
        tree.push(leaf_hash(&[&i.to_be_bytes()[..], &[on]].concat()));
    }
    tree
}

fn root(tree: &Tree, size: u64) -> TreeHash {
    tree.range(0, size).expect("so many leaves").root()
}

fn head(author: &Identity, tree: &Tree) -> Verified<Head> {
    let (log, size) = (header(author).id(), tree.size());
    author.sign(Head { log, size, root: root(tree, size), time: UnixMillis(0) })
}

fn sent(head: &Verified<Head>) -> Unverified<Head> {
    Unverified::from_bytes(&head.to_bytes()).expect("a head")
}

/// What whoever holds `long` says of whoever signed `short`.
fn evidence(short: &Tree, long: &Tree) -> ForkEvidence {
    let author = Identity::from_seed(AUTHOR);
    let (m, n) = (short.size(), long.size());
    ForkEvidence {
        header: header(&author),
        shorter: sent(&head(&author, short)),
        longer: sent(&head(&author, long)),
        beginning: root(long, m),
        path: long.consistency(m, n).expect("there"),
        subtrees: short.range(0, m).expect("all of it").hashes().to_vec(),
    }
}

fn verify(evidence: ForkEvidence) -> Result<Fork, EvidenceError> {
    evidence.verify(&Verifier::strict())
}

#[test]
fn it_takes_a_few_hundred_bytes() {
    let bytes = evidence(&tree(50_000, 49_999, 1), &tree(100_000, 0, 0)).to_bytes();
    assert!(bytes.len() < 1_600, "{}", bytes.len());
    assert!(verify(ForkEvidence::from_bytes(&bytes).expect("evidence")).is_ok());
}

#[test]
fn somebody_elses_signature_convicts_nobody() {
    let (author, other) = (Identity::from_seed(AUTHOR), Identity::from_seed([8; 32]));
    let mut it = evidence(&tree(5, 3, 1), &tree(9, 3, 2));
    let short = tree(5, 3, 1);
    let (log, size) = (header(&author).id(), short.size());
    it.shorter = sent(&other.sign(Head { log, size, root: root(&short, size), time: UnixMillis(0) }));
    assert!(matches!(verify(it), Err(EvidenceError::Head(_))));
}

#[test]
fn a_head_of_another_log_convicts_nobody() {
    let author = Identity::from_seed(AUTHOR);
    let mut it = evidence(&tree(5, 3, 1), &tree(9, 3, 2));
    it.header = it.header.with_unit("dB");
    assert!(verify(it.clone()).is_ok(), "the unit is no name");
    let beside = LogHeader::new(
        SpaceId([0; 32]),
        "parks/noise".parse().expect("a path"),
        "mic-2",
        author.peer(),
        [1; 16],
    );
    it.header = beside;
    assert!(matches!(verify(it), Err(EvidenceError::OtherLog)));
}

proptest! {
    #[test]
    fn each_fork_convicts_and_survives_its_encoding(m in 1u64..80, more in 0u64..80, forked in any::<u64>()) {
        let (n, forked) = (m + more, forked % m);
        let it = evidence(&tree(m, forked, 1), &tree(n, forked, 2));
        let bytes = it.to_bytes();
        let read = ForkEvidence::from_bytes(&bytes).expect("evidence");
        prop_assert_eq!(&read, &it);
        let fork = verify(read).expect("a fork");
        prop_assert_eq!(fork.heads().map(|head| head.size), [m, n]);
        // The greatest subtree of the shorter log first, as the bits of its size say; those before the fork are in both.
        let subtrees = (0..64).rev().map(|bit| m & !((1u64 << bit) - 1)).filter(|end| *end <= forked);
        let common = if more == 0 { 0 } else { subtrees.max().unwrap_or(0) };
        prop_assert_eq!(fork.in_common(), common);
        prop_assert_eq!(fork.common().root(), root(&tree(m, forked, 2), common));
        prop_assert_eq!(fork.to_bytes(), bytes);
    }

    #[test]
    fn a_log_that_only_grew_is_no_fork(m in 1u64..80, more in 0u64..80) {
        let it = evidence(&tree(m, 0, 0), &tree(m + more, 0, 0));
        prop_assert!(matches!(verify(it), Err(EvidenceError::NoFork)));
    }

    /// Whatever is altered, it is no evidence against somebody whose log only grew.
    #[test]
    fn nobody_is_convicted_by_a_lie(
        m in 1u64..60,
        more in 0u64..60,
        lie in prop::array::uniform32(any::<u8>()),
        at in any::<prop::sample::Index>(),
        longer in any::<bool>(),
    ) {
        let mut it = evidence(&tree(m, 0, 0), &tree(m + more, 0, 0));
        it.beginning = lie;
        prop_assert!(matches!(verify(it.clone()), Err(EvidenceError::NoPath | EvidenceError::NoFork)));
        let mut altered = evidence(&tree(m, 0, 1), &tree(m + more, 0, 0));
        let subtree = at.index(altered.subtrees.len());
        altered.subtrees[subtree] = lie;
        prop_assert!(matches!(verify(altered.clone()), Err(EvidenceError::OtherSubtrees)));
        altered.subtrees.pop();
        prop_assert!(matches!(verify(altered), Err(EvidenceError::OtherSubtrees)));
        if !it.path.is_empty() && longer {
            let at = at.index(it.path.len());
            it.path[at] = lie;
            prop_assert!(verify(it).is_err());
        }
    }

    #[test]
    fn bytes_are_evidence_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        if let Ok(it) = ForkEvidence::from_bytes(&bytes) {
            prop_assert_eq!(it.to_bytes(), bytes);
        }
        let mut bytes = evidence(&tree(5, 3, 1), &tree(9, 3, 2)).to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1;
        if let Ok(it) = ForkEvidence::from_bytes(&bytes) {
            // The header may say another unit or place, which names nothing; all else is signed or hashed.
            prop_assert!(verify(it.clone()).is_err() || it.header != evidence(&tree(5, 3, 1), &tree(9, 3, 2)).header);
        }
    }
}
