//! Codes, as they are written and read.

use super::*;

#[test]
fn a_walk_up_code_that_somebody_changed_is_refused() {
    let gateway = side(2, "gateway");
    let open = bench(&gateway);
    let signed = open.to_bytes();
    let forged: Vec<u8> = signed.iter().map(|byte| if *byte == b'n' { b'm' } else { *byte }).collect();
    let code = code::encode(&[&[OpenInvite::KIND], &forged[..]].concat());
    assert!(matches!(Code::parse(&code), Err(InviteError::Signature | InviteError::Malformed)));
    let other = Identity::from_seed([3; 32]).sign(OpenInvite::clone(&open));
    assert_eq!(Code::parse(&other.code()), Err(InviteError::Signature));
    for lasts_s in [0, OPEN_INVITE_LASTS_MAX_S + 1] {
        let open = gateway.identity.sign(OpenInvite { lasts_s, ..OpenInvite::clone(&open) });
        assert_eq!(Code::parse(&open.code()), Err(InviteError::Malformed));
    }
}

#[test]
fn a_walk_up_code_works_from_anywhere_only_if_its_signer_said_so() {
    let gateway = side(2, "gateway");
    let open = bench(&gateway);
    let anywhere = gateway.identity.sign(OpenInvite { anywhere: true, ..OpenInvite::clone(&open) });
    for open in [open.clone(), anywhere.clone()] {
        assert_eq!(Code::parse(&open.code()), Ok(Code::Open(Box::new(open))));
    }
    // What it does not say takes no byte, as before there was anything to say.
    let body = |open: &OpenInvite| minicbor::to_vec(open).expect("written");
    let (without, with) = (body(&open), body(&anywhere));
    assert_eq!((without[0], with[0]), (0x87, 0x88), "arrays of seven and of eight");
    assert_eq!(with[1..], [&without[1..], &[0xf5]].concat());
    // Nobody adds it, and there is one way not to say it.
    let record = open.to_bytes();
    let (head, signature) = record.split_at(record.len() - 66);
    let head = head.strip_suffix(&without[..]).expect("domain, body, signature");
    let forged = |body: &[u8]| OpenInvite::read(&[head, body, signature].concat());
    assert_eq!(forged(&without).as_deref(), Ok(&*open));
    assert_eq!(forged(&with), Err(InviteError::Signature));
    for said in [0xf4, 0xf6] {
        let longer = [&[0x88], &without[1..], &[said]].concat();
        assert_eq!(forged(&longer), Err(InviteError::Malformed), "{said:x}");
    }
}

#[test]
fn a_code_with_two_addresses_has_149_letters_and_reads_back() {
    let invite = invite(hints(&["192.0.2.1:4000", "198.51.100.7:4001"]));
    let code = invite.to_string();
    assert_eq!(code.len(), 149, "{code}");
    assert_eq!(Code::parse(&code), Ok(Code::Invite(Box::new(invite.clone()))));
    assert_eq!(invite.not_after(), LATER);
    assert!(invite.check(Some(LATER)).is_ok() && invite.check(None).is_ok());
    assert_eq!(invite.check(Some(LATER.saturating_add(1))), Err(InviteError::Expired));
}

#[test]
fn the_longest_codes_are_read() {
    let texts: Vec<_> = (1..=HINTS_MAX).map(|n| format!("[2001:db8::{n}]:65535")).collect();
    let all = hints(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let invite = invite(all.clone());
    assert_eq!(Code::parse(&invite.to_string()), Ok(Code::Invite(Box::new(invite))));
    let gateway = side(2, "gateway");
    let resource = "x".repeat(crate::PATH_BYTES_MAX).parse().expect("a path");
    let longest = OpenInvite {
        resource,
        hints: all,
        not_after: UnixMillis(i64::MAX),
        anywhere: true,
        ..OpenInvite::clone(&bench(&gateway))
    };
    let open = gateway.identity.sign(longest);
    assert!(open.code().len() < CODE_BYTES_MAX / 2, "as much again for spaces");
    assert_eq!(Code::parse(&open.code()), Ok(Code::Open(Box::new(open))));
}

#[test]
fn hints_that_nobody_can_dial_are_refused() {
    for texts in [&["0.0.0.0:1"][..], &["192.0.2.1:0"], &["192.0.2.1:1", "192.0.2.1:1"], &["[fe80::1]:1"]] {
        let parsed = texts.iter().map(|it| it.parse().expect("an address")).collect();
        assert_eq!(Hints::new(parsed), Err(InviteError::Hints), "{texts:?}");
    }
    let nine = (1..=9).map(|n| format!("192.0.2.{n}:1").parse().expect("an address")).collect();
    assert_eq!(Hints::new(nine), Err(InviteError::Hints));
    assert!(Hints::default().iter().next().is_none());
}
