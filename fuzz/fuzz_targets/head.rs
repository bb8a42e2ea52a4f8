//! A head, as it stands at the end of a run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_crdt_store::Head;
use msec_fuzz::{record, town};

// A head does not name its author: the log's header does.
fuzz_target!(|bytes: &[u8]| record::check::<Head>(bytes, |_| town::sensor().peer()));
