//! A picture that may hold a code: a PNG, or an SVG.

pub(super) fn check(bytes: &[u8]) {
    msec_peer::cli::is_picture_of_a_code(bytes);
}
