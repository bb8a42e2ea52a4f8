//! A run, off the wire: parsed, and checked against nothing, and against a log that is held.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_crdt_store::{Run, Verdict};
use msec_fuzz::town;

fuzz_target!(|bytes: &[u8]| {
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
});
