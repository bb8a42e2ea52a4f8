//! A line that a program sends to a running peer, and one that comes back.

use msec_peer::control::{Answer, Request};

pub(super) fn check(line: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<Request>(line) {
        let written = serde_json::to_vec(&request).expect("what was read can be written");
        let again = serde_json::from_slice::<Request>(&written).expect("what was written");
        assert_eq!(again, request, "what was read is written, and read again");
    }
    if let Ok(answer) = serde_json::from_slice::<Answer>(line) {
        let written = serde_json::to_vec(&answer).expect("what was read can be written");
        let again = serde_json::from_slice::<Answer>(&written).expect("what was written");
        assert_eq!(again, answer, "what was read is written, and read again");
    }
}
