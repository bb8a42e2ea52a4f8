//! What holds for each kind of record.

use proptest::prelude::*;

use super::*;
use crate::error::RecordError;
use crate::id::{GrantId, LogId, SpaceId};
use crate::keys::Identity;
use crate::record::RECORD_BYTES_MAX;
use crate::time::UnixMillis;

fn key() -> Identity {
    Identity::from_seed([1; 32])
}

fn cuts(count: usize) -> Cuts {
    let cut = |n: usize| {
        let log = LogId(*blake3::hash(&n.to_le_bytes()).as_bytes());
        Cut { log, size: u64::MAX, root: [0xff; 32] }
    };
    Cuts::new((0..count).map(cut)).expect("cuts")
}

fn revocation(count: usize) -> Revocation {
    Revocation {
        space: SpaceId([1; 32]),
        issuer: key().peer(),
        grant: GrantId([2; 32]),
        cuts: cuts(count),
        at: UnixMillis(i64::MIN),
        reason: "x".repeat(REASON_BYTES_MAX).parse().expect("a reason"),
    }
}

fn succession(count: usize) -> Succession {
    let roots = (0..crate::MANIFEST_ROOTS_MAX as u8).map(|n| crate::PeerId([n; 32])).collect();
    let (space, issuer) = (SpaceId([1; 32]), key().peer());
    let (serial, threshold, at) = (u32::MAX, 16, UnixMillis(i64::MIN));
    Succession { space, issuer, previous: [7; 32], serial, roots, threshold, cuts: cuts(count), at }
}

fn grant(holder: Holder) -> Grant {
    Grant {
        space: SpaceId([1; 32]),
        issuer: key().peer(),
        holder,
        resource: "parks".parse().expect("a path"),
        rights: Rights::of([Right::Read]),
        not_before: UnixMillis(1),
        not_after: UnixMillis(2),
        depth: 0,
        parent: None,
        caveats: Some(Caveats { logs_max: Some(7), ..Caveats::default() }),
    }
}

fn linked() -> Linked {
    let manifest = crate::Manifest::new("airport", vec![key().peer()], 1, [3; 16]).expect("a manifest");
    Linked { space: SpaceId([1; 32]), issuer: key().peer(), manifest: manifest.to_bytes() }
}

fn receipt() -> Receipt {
    let (space, issuer, role) = (SpaceId([1; 32]), key().peer(), Rights::of([Right::Relay]));
    Receipt { space, issuer, of: [3; 32], at: UnixMillis(6), role, served: 7 }
}

fn classified() -> Classified {
    let (space, issuer) = (SpaceId([1; 32]), key().peer());
    let collection = "parks/doors".parse().expect("a path");
    Classified { space, issuer, collection, class: Class::Actuation, number: 3 }
}

fn rotation() -> Rotation {
    Rotation { space: SpaceId([1; 32]), issuer: key().peer(), since: UnixMillis(7) }
}

fn replacement() -> Replacement {
    let of = |log| ReplacedStream {
        collection: "parks".parse().expect("a path"),
        stream: "mic-1".parse().expect("a name"),
        log: LogId([log; 32]),
    };
    let (old, new) = (crate::PeerId([7; 32]), crate::PeerId([8; 32]));
    let streams = ReplacedStreams::of([of(5)]);
    Replacement { space: SpaceId([1; 32]), issuer: key().peer(), old, new, streams }
}

fn erasure(count: usize) -> Erasure {
    let stretch = |n: usize| {
        let log = LogId(*blake3::hash(&n.to_le_bytes()).as_bytes());
        Stretch { log, first: u64::MAX - 1, end: u64::MAX }
    };
    let (space, issuer) = (SpaceId([1; 32]), key().peer());
    let (what, reason) = (Stretches::new((0..count).map(stretch)), "x".repeat(REASON_BYTES_MAX).parse());
    Erasure {
        space,
        issuer,
        what: what.expect("stretches"),
        at: UnixMillis(i64::MIN),
        reason: reason.expect("a reason"),
    }
}

fn each_kind() -> Vec<ControlRecord> {
    let approval = Approval { space: SpaceId([1; 32]), approver: key().peer(), of: [9; 32] };
    let restoration = Restoration {
        space: SpaceId([1; 32]),
        issuer: key().peer(),
        revocation: [3; 32],
        cuts: cuts(2),
        at: UnixMillis(5),
    };
    vec![
        key().sign(grant(crate::PeerId([4; 32]).into())).into(),
        key().sign(grant(SpaceId([4; 32]).into())).into(),
        key().sign(approval).into(),
        key().sign(revocation(3)).into(),
        key().sign(restoration).into(),
        key().sign(succession(1)).into(),
        key().sign(linked()).into(),
        key().sign(receipt()).into(),
        key().sign(classified()).into(),
        key().sign(rotation()).into(),
        key().sign(replacement()).into(),
        key().sign(erasure(2)).into(),
    ]
}

#[test]
fn each_kind_is_found_by_its_domain_and_has_one_encoding() {
    for record in each_kind() {
        let bytes = record.to_bytes();
        let parsed = ControlRecord::from_bytes(&bytes).expect("parses");
        assert_eq!((&parsed, parsed.issuer(), parsed.space()), (&record, Some(key().peer()), record.space()));
        assert!(!matches!(parsed, ControlRecord::Unknown(_)));
    }
}

#[test]
fn of_itself_a_peer_says_few_kinds_and_of_others_none() {
    let (me, other) = (key().peer(), crate::PeerId([4; 32]));
    assert_eq!(each_kind().iter().filter(|it| it.is_of_itself(&me)).count(), 2, "a rotation and an erasure");
    assert!(!each_kind().iter().any(|it| it.is_of_itself(&other)));
}

#[test]
fn the_longest_records_fit() {
    let longest: [ControlRecord; 3] = [
        key().sign(erasure(ERASURE_STRETCHES_MAX)).into(),
        key().sign(revocation(REVOCATION_CUTS_MAX)).into(),
        key().sign(succession(REVOCATION_CUTS_MAX)).into(),
    ];
    for record in longest {
        let bytes = record.to_bytes();
        assert!(bytes.len() <= RECORD_BYTES_MAX, "{} bytes", bytes.len());
        assert_eq!(ControlRecord::from_bytes(&bytes).expect("parses"), record);
    }
}

#[test]
fn cuts_out_of_order_are_refused_in_a_record() {
    let mut bytes = key().sign(revocation(2)).to_bytes();
    let first = revocation(2).cuts.as_slice()[0].log.0;
    let at = bytes.windows(32).position(|it| it == first).expect("the first cut");
    bytes[at..at + 32].fill(0xff);
    assert!(matches!(ControlRecord::from_bytes(&bytes), Err(RecordError::Malformed(_))));
}

#[test]
fn what_is_said_for_people_has_a_length_and_fills_one_line() {
    assert!("lost\nkey".parse::<ShortText<16>>().is_err());
    assert!("seventeen letters".parse::<ShortText<16>>().is_err());
    assert_eq!("lost key".parse::<ShortText<16>>().expect("a text").to_string(), "lost key");
}

#[test]
fn an_unknown_kind_is_kept_byte_for_byte() {
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(3).and_then(|e| e.str("msec/unheard/1")).expect("written");
    e.map(1).and_then(|e| e.u8(1)).and_then(|e| e.str("any")).expect("written");
    let body = e.writer().clone();
    e.bytes(&[5; 64]).expect("written");
    let bytes = e.into_writer();
    let parsed = ControlRecord::from_bytes(&bytes).expect("parses");
    assert!(matches!(&parsed, ControlRecord::Unknown(it) if it.domain() == "msec/unheard/1"));
    assert_eq!((parsed.to_bytes(), parsed.issuer()), (bytes.clone(), None));

    let mut trailing = bytes.clone();
    trailing.push(0);
    assert!(ControlRecord::from_bytes(&trailing).is_err());
    assert!(ControlRecord::from_bytes(&body).is_err());
    let foreign = String::from_utf8_lossy(&bytes[..16]).replace("msec/", "else/");
    let foreign = [&bytes[..2], &foreign.as_bytes()[foreign.len() - 14..], &bytes[16..]].concat();
    assert!(ControlRecord::from_bytes(&foreign).is_err());
}

#[test]
fn a_control_stream_has_one_name() {
    let under = ControlStream::Under(GrantId([0xab; 32]));
    for stream in [ControlStream::Root, ControlStream::Own, under] {
        assert_eq!(stream.to_string().parse(), Ok(stream));
    }
    assert!(under.to_string().to_uppercase().parse::<ControlStream>().is_err());
    assert!(format!(" {under}").parse::<ControlStream>().is_err());
    assert_eq!((under.under(), ControlStream::Root.under()), (Some(GrantId([0xab; 32])), None));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = ControlRecord::from_bytes(&bytes);
    }

    #[test]
    fn a_flipped_bit_is_refused_or_does_not_verify(which in 0usize..12, at in any::<usize>(), bit in 0u8..8) {
        let record = &each_kind()[which];
        let mut bytes = record.to_bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let Ok(parsed) = ControlRecord::from_bytes(&bytes) else { return Ok(()) };
        prop_assert_eq!(parsed.to_bytes(), bytes);
        let by = |issuer| match parsed.clone() {
            ControlRecord::Grant(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Approval(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Revocation(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Restoration(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Succession(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Linked(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Erasure(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Receipt(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Classified(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Replacement(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Rotation(it) => it.verify(&issuer).is_ok(),
            ControlRecord::EpochRecord(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Wraps(it) => it.verify(&issuer).is_ok(),
            ControlRecord::SealingEndorsement(it) => it.verify(&issuer).is_ok(),
            ControlRecord::Unknown(_) => false,
        };
        prop_assert!(!by(key().peer()) && !parsed.is_signed());
    }
}
