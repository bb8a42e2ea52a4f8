//! A run, what stands for entries that were let go, or the evidence that a log was forked, off the wire: parsed, and checked against
//! nothing, and against a log that is held.

use crate::town;
use msec_crdt_store::{ForkEvidence, Prefix, Run, Verdict};
use msec_identity::Verifier;

pub(super) fn check(bytes: &[u8]) {
    if let Ok(evidence) = ForkEvidence::from_bytes(bytes) {
        assert_eq!(evidence.to_bytes(), bytes, "evidence has one encoding");
        assert!(evidence.verify(&Verifier::strict()).is_err(), "nobody signed two histories");
        return;
    }
    if Prefix::is_meant(bytes) {
        return prefix(bytes);
    }
    let Ok(run) = Run::from_bytes(bytes) else { return };
    let written = run.to_bytes();
    assert!(
        Run::from_bytes(&written).is_ok_and(|again| again == run),
        "what was read is written, and read again"
    );

    let (authority, signed) = (town::authority(), town::runs());
    for held in [None, Some(signed[0].state())] {
        if let Ok(Verdict::New(new)) = run.clone().verify(held, &authority) {
            let head = new.state().head();
            assert!(signed.iter().any(|run| run.state().head() == head), "signed by nobody");
            assert_eq!(new.from(), held.map_or(0, msec_crdt_store::LogState::size));
        }
    }
}

fn prefix(bytes: &[u8]) {
    let Ok(prefix) = Prefix::from_bytes(bytes) else { return };
    let (log, end) = (prefix.log(), prefix.end());
    let Ok(verified) = prefix.clone().verify(&town::authority()) else { return };
    let state = verified.state();
    assert_eq!((state.log(), state.size()), (log, end));
    assert!(town::runs().iter().any(|run| run.state().head() == state.head()), "signed by nobody");
    let again = Prefix::from_bytes(&verified.to_bytes());
    assert!(again.is_ok_and(|again| again == prefix), "what was read is written, and read again");
}
