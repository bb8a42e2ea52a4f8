//! Feeds the target that MSEC_FUZZ_TARGET names: `.ci/fuzz` builds and runs this.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use msec_fuzz::targets::{Target, target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name =
        std::env::var("MSEC_FUZZ_TARGET").expect("MSEC_FUZZ_TARGET names a target, as in fuzz/src/targets");
    target(&name).unwrap_or_else(|| panic!("there is no target {name}"))
});

fuzz_target!(|bytes: &[u8]| TARGET(bytes));
