//! A key on paper, whole or a share of it, as somebody types it in. The first byte says which.

use msec_identity::backup::{Share, combine, from_words, to_words};

pub(super) fn check(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if which % 2 == 0 {
        if let Ok(identity) = from_words(text) {
            let again = from_words(&to_words(&identity)).expect("what was read is written, and read again");
            assert_eq!(again.peer(), identity.peer());
        }
    } else if let Ok(share) = Share::from_words(text) {
        assert_eq!(Share::from_words(&share.to_words()).as_ref(), Ok(&share));
        assert!(combine(&[share]).is_err(), "one share is no key");
    }
}
