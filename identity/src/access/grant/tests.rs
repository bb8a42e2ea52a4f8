use super::*;
use crate::access::{Area, Caveats};

fn parent() -> Grant {
    Grant {
        space: SpaceId([1; 32]),
        issuer: PeerId([2; 32]),
        holder: PeerId([3; 32]).into(),
        resource: "parks".parse().expect("a path"),
        rights: Rights::of([Right::Read, Right::Manage]),
        not_before: UnixMillis(100),
        not_after: UnixMillis(200),
        depth: 2,
        parent: None,
        caveats: Some(limits()),
    }
}

fn limits() -> Caveats {
    Caveats {
        rate_per_minute: Some(60),
        place: Some(Area { south_e7: 0, west_e7: 0, north_e7: 100, east_e7: 100 }),
        purpose: Some("noise map".parse().expect("a purpose")),
        logs_max: Some(4),
        bytes_per_day: Some(1_000_000),
        incarnations_max: Some(2),
    }
}

fn child() -> Grant {
    Grant {
        issuer: PeerId([3; 32]),
        holder: PeerId([4; 32]).into(),
        depth: 1,
        parent: Some(parent().id()),
        ..parent()
    }
}

fn widened(child: Grant) -> Option<Widened> {
    parent().allows_attenuation(&child).err()
}

#[test]
fn rights_are_a_set_and_none_implies_another() {
    let rights: Rights = "write, relay".parse().expect("rights");
    assert!(rights.contains(Right::Write) && rights.contains(Right::Relay));
    assert!(!rights.contains(Right::Read) && !rights.contains(Right::Manage));
    assert_eq!(rights.to_string(), "relay,write");
    assert!("admin".parse::<Rights>().is_err());
}

#[test]
fn a_link_may_be_as_wide_as_the_one_above_but_for_its_depth() {
    assert_eq!(widened(child()), None);
    let narrower = Grant {
        resource: "parks/noise".parse().expect("a path"),
        rights: Rights::of([Right::Read]),
        not_before: UnixMillis(101),
        not_after: UnixMillis(199),
        depth: 0,
        caveats: Some(Caveats { logs_max: Some(3), ..limits() }),
        ..child()
    };
    assert_eq!(widened(narrower), None);
    let unlimited = Grant { caveats: Some(Caveats::default()), ..parent() };
    let below = Grant { parent: Some(unlimited.id()), caveats: None, ..child() };
    assert_eq!(unlimited.allows_attenuation(&below), Ok(()));
}

#[test]
fn widened_attenuation_is_refused_in_each_field() {
    let rights = Rights::of([Right::Read, Right::Write]);
    let attempts = [
        (Grant { rights, ..child() }, Widened::Rights),
        (Grant { resource: CollectionPath::everything(), ..child() }, Widened::Resource),
        (Grant { resource: "parksmith".parse().expect("a path"), ..child() }, Widened::Resource),
        (Grant { not_before: UnixMillis(99), ..child() }, Widened::Validity),
        (Grant { not_after: UnixMillis(201), ..child() }, Widened::Validity),
        (Grant { depth: 2, ..child() }, Widened::Depth),
        (Grant { space: SpaceId([9; 32]), ..child() }, Widened::NotBelow),
        (Grant { parent: None, ..child() }, Widened::NotBelow),
        (Grant { caveats: None, ..child() }, Widened::Caveats),
    ];
    for (attempt, what) in attempts {
        assert_eq!(widened(attempt), Some(what));
    }
    let area = limits().place.expect("a place");
    let wider = [
        Caveats { rate_per_minute: Some(61), ..limits() },
        Caveats { rate_per_minute: None, ..limits() },
        Caveats { place: Some(Area { south_e7: -1, ..area }), ..limits() },
        Caveats { place: Some(Area { west_e7: -1, ..area }), ..limits() },
        Caveats { place: Some(Area { north_e7: 101, ..area }), ..limits() },
        Caveats { place: Some(Area { east_e7: 101, ..area }), ..limits() },
        Caveats { place: None, ..limits() },
        Caveats { purpose: Some("advertising".parse().expect("a purpose")), ..limits() },
        Caveats { purpose: None, ..limits() },
        Caveats { logs_max: Some(5), ..limits() },
        Caveats { logs_max: None, ..limits() },
        Caveats { bytes_per_day: Some(1_000_001), ..limits() },
        Caveats { bytes_per_day: None, ..limits() },
        Caveats { incarnations_max: Some(3), ..limits() },
        Caveats { incarnations_max: None, ..limits() },
    ];
    for caveats in wider {
        assert_eq!(widened(Grant { caveats: Some(caveats), ..child() }), Some(Widened::Caveats));
    }
}

#[test]
fn nothing_is_passed_on_without_the_right_to_manage() {
    let holds = Grant { rights: Rights::of([Right::Read]), ..parent() };
    let below = Grant { parent: Some(holds.id()), rights: holds.rights, ..child() };
    assert_eq!(holds.allows_attenuation(&below), Err(Widened::NotManaged));
}

/// Grants of the first version lie in invitations, in headers of logs and in files: their bytes are their ids.
#[test]
fn a_grant_without_caveats_has_the_bytes_of_the_first_version() {
    let grant = Grant { caveats: None, depth: 0, ..parent() };
    let mut e = Encoder::new(Vec::new());
    let head = |e: &mut Encoder<Vec<u8>>, fields| {
        e.array(2)?.str("msec/grant/1")?.array(fields)?;
        e.bytes(&[1; 32])?
            .bytes(&[2; 32])?
            .bytes(&[3; 32])?
            .str("parks")?
            .u8(2 | 8)?
            .u8(100)?
            .u8(200)?
            .u8(0)?
            .ok()
    };
    head(&mut e, 8).expect("written");
    assert_eq!(grant.hash(), *blake3::hash(&e.into_writer()).as_bytes());

    let below = Grant { parent: Some(GrantId([7; 32])), ..grant };
    let mut e = Encoder::new(Vec::new());
    head(&mut e, 9).expect("written");
    e.bytes(&[7; 32]).expect("written");
    assert_eq!(below.hash(), *blake3::hash(&e.into_writer()).as_bytes());
}
