//! The same test bodies over simulated links and over loopback QUIC; and links that are broken on purpose, over which they
//! must fail.

use std::time::Duration;

use msec_tests::conformance::bodies::{self, reaches_a_peer_over};
use msec_tests::conformance::{LinkState, QuicMesh, SimMesh};

/// Each body as two tests.
macro_rules! conforms {
    ($($body:ident),* $(,)?) => {
        mod over_simulated_links {
            $(#[test]
            fn $body() -> anyhow::Result<()> {
                // Other courses of events cost nothing in virtual time.
                (1..=3).try_for_each(|seed| super::bodies::$body(&mut super::SimMesh::new(seed)))
            })*
        }

        mod over_loopback_quic {
            $(#[test]
            fn $body() -> anyhow::Result<()> {
                super::bodies::$body(&mut super::QuicMesh::default())
            })*
        }
    };
}

conforms!(
    reaches_a_peer_two_hops_away,
    who_was_away_catches_up,
    a_partition_heals,
    a_restart_continues_the_log,
    interest_and_grants_are_respected,
    a_stranger_is_refused,
    two_that_dial_each_other_have_one_link,
);

/// What a body says when a reading did not arrive.
const MISSING: &str = "it does not hold that peer 3 holds";

#[test]
fn a_link_that_drops_everything_is_found_out_in_both() {
    for failed in over_a_broken_link(LinkState::Cut) {
        assert!(failed.contains(MISSING), "{failed}");
    }
}

#[test]
fn a_link_that_corrupts_everything_is_found_out_in_both() {
    for failed in over_a_broken_link(LinkState::Corrupting) {
        assert!(failed.contains(MISSING), "{failed}");
    }
}

/// The bodies' errors: first over simulated links, then over QUIC.
fn over_a_broken_link(state: LinkState) -> [String; 2] {
    let simulated = reaches_a_peer_over(&mut SimMesh::new(1), state);
    let real = reaches_a_peer_over(&mut QuicMesh::patient_for(Duration::from_secs(5)), state);
    [simulated, real].map(|result| format!("{:#}", result.expect_err("a reading crossed a broken link")))
}

#[test]
fn a_whole_link_passes_where_a_broken_one_fails() -> anyhow::Result<()> {
    reaches_a_peer_over(&mut SimMesh::new(1), LinkState::Whole)?;
    reaches_a_peer_over(&mut QuicMesh::patient_for(Duration::from_secs(20)), LinkState::Whole)
}
