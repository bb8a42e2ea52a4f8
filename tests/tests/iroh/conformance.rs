//! The bodies of `msec_tests::conformance` over iroh. Those that break links are left out: iroh finds its way around
//! whoever stands between.

use msec_peer::Found;
use msec_tests::conformance::{IrohMesh, Member, Mesh, No, bodies};

macro_rules! conforms {
    ($($body:ident),* $(,)?) => {
        $(#[test]
        fn $body() -> anyhow::Result<()> {
            bodies::$body(&mut IrohMesh::default())
        })*
    };
}

conforms!(
    reaches_a_peer_two_hops_away,
    who_was_away_catches_up,
    a_restart_continues_the_log,
    interest_and_grants_are_respected,
    a_stranger_is_refused,
    two_that_dial_each_other_have_one_link,
);

#[test]
fn both_ends_of_a_link_say_where_the_other_is() -> anyhow::Result<()> {
    let mut mesh = IrohMesh::default();
    let office = mesh.add(Member::gateway());
    let guest = mesh.add(Member::gateway().dials(office));
    mesh.settle("they are linked", |mesh| [office, guest].iter().all(|no| mesh.neighbours_of(*no) == 1))?;
    let neighbour = |no: No| {
        let neighbours = mesh.block_on(mesh.peer(no).expect("it runs").neighbours()).expect("open");
        neighbours.into_iter().next().expect("one")
    };
    let address = mesh.peer(office).and_then(|it| it.iroh_address()).expect("it listens").to_string();
    let (of_guest, of_office) = (neighbour(guest), neighbour(office));
    assert_eq!((of_guest.found, of_office.found), (Found::Contact, Found::DialledUs));
    assert_eq!(of_guest.address, address, "as the contact is written");
    assert!(of_office.address.starts_with("iroh:") && of_office.address != address, "{of_office:?}");
    assert!(of_guest.round_trip_ms.is_some() && of_office.round_trip_ms.is_some(), "{of_guest:?}");
    Ok(())
}
