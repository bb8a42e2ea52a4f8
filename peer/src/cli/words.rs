//! Rights in words, as people read them before they take them in.

use anyhow::bail;
use msec_identity::{CollectionPath, Grant, Right, Rights};

use super::values::show_time;
use crate::net::wall_clock;
use crate::sdk::Membership;

/// The longest name of a space that is shown, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// What ends sooner than that is told to the minute.
const NEAR_MS: i64 = 2 * 24 * 3600 * 1000;
/// The most grants for one peer that are shown one by one.
const GRANTS_SHOWN_MAX: usize = 8;

/// Where, as people say it.
pub(super) fn place(collection: &str) -> String {
    if collection.is_empty() { "everywhere".to_owned() } else { format!("in {collection}") }
}

/// A time, to the day; to the minute where it is near.
pub(super) fn day(millis: i64) -> String {
    day_at(millis, wall_clock().0)
}

fn day_at(millis: i64, now_ms: i64) -> String {
    let text = show_time(millis);
    let is_near = (0..NEAR_MS).contains(&millis.saturating_sub(now_ms));
    match (is_near, text.get(..10), text.get(..16)) {
        (true, _, Some(minute)) => format!("{minute}Z"),
        (false, Some(day), _) => day.to_owned(),
        _ => text,
    }
}

/// So many of them, in words.
pub(super) fn many(count: impl Into<u128>, one: &str, more: &str) -> String {
    let count = count.into();
    format!("{count} {}", if count == 1 { one } else { more })
}

/// So many logs, in words.
pub(super) fn logs(count: usize) -> String {
    many(count as u64, "log", "logs")
}

/// So many entries, in words.
pub(super) fn entries(count: u64) -> String {
    many(count, "entry", "entries")
}

/// What a grant lets its holder do, in one line.
pub(super) fn may(grant: &Grant) -> String {
    let mut words =
        format!("{} {} until {}", grant.rights, place(grant.resource.as_str()), day(grant.not_after.0));
    let Some(limits) = &grant.caveats else { return words };
    let parts = [
        limits.rate_per_minute.map(|it| format!("at most {it} entries a minute")),
        limits.logs_max.map(|it| format!("at most {it} logs")),
        limits.bytes_per_day.map(|it| format!("at most {it} bytes a day")),
        limits.incarnations_max.map(|it| format!("at most {it} incarnations of a stream")),
        limits.place.map(|it| {
            let degrees = [it.south_e7, it.west_e7, it.north_e7, it.east_e7].map(|e7| f64::from(e7) / 1e7);
            format!("within {}", degrees.map(|it| it.to_string()).join(","))
        }),
        limits.purpose.as_ref().map(|it| format!("for: {it}")),
    ];
    for part in parts.into_iter().flatten() {
        words = words + ", " + &part;
    }
    words
}

/// Refuses what a person could not read, or would read wrongly, before it is taken in.
pub(super) fn check(membership: &Membership, mine: &[&Grant]) -> anyhow::Result<()> {
    let name = membership.manifest().name();
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !is_plain(name) {
        bail!("the name of its space cannot be shown: ask whoever sent it what it is");
    }
    if mine.len() > GRANTS_SHOWN_MAX {
        bail!(
            "it holds {} grants for this peer, more than anybody reads: ask for one of its own for each use",
            mine.len()
        );
    }
    let all = Rights::of([Right::Relay, Right::Read, Right::Write, Right::Manage]);
    for grant in mine {
        let purpose = grant.caveats.as_ref().and_then(|limits| limits.purpose.as_ref());
        let reads =
            is_plain(grant.resource.as_str()) && purpose.is_none_or(|purpose| is_plain(purpose.as_str()));
        if grant.rights == Rights::default() || !grant.rights.is_subset(all) || !reads {
            bail!("what it grants cannot be said in words: ask for an invitation that this version can show");
        }
        let is_own = grant.resource != CollectionPath::everything() && grant.resource.is_reserved();
        if is_own {
            bail!("it grants `{}`, which is the mesh's own: nobody holds rights there", grant.resource);
        }
    }
    Ok(())
}

/// Whether what is shown is what stands there: no control characters, and none that turn the order of others round or show nothing.
fn is_plain(text: &str) -> bool {
    !text.chars().any(hides)
}

fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2060}'..='\u{206f}').contains(&c)
}

/// A line with words of others in it, as a terminal may show it.
#[cfg(feature = "index")]
pub(super) fn plain(line: &str) -> String {
    line.chars().map(|c| if hides(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use msec_identity::{Caveats, Identity, PeerId};

    use super::*;
    use crate::sdk::Owner;

    #[test]
    fn what_is_taken_in_is_said_in_words_or_refused() {
        let owner = Owner::found_with("harbour", Identity::from_seed([1; 32])).expect("a space");
        let grant = owner.grant(PeerId([7; 32]), "parks", "read,write", 30).expect("a grant");
        let limits = Caveats {
            rate_per_minute: Some(60),
            purpose: Some("noise at night".parse().expect("a text")),
            ..Caveats::default()
        };
        let limited = Grant { caveats: Some(limits), ..Grant::clone(&grant) };
        assert!(may(&limited).starts_with("read,write in parks until 2"));
        assert!(may(&limited).ends_with(", at most 60 entries a minute, for: noise at night"));
        let membership = Membership::new(owner.manifest(), [grant.clone()]);
        assert!(check(&membership, &[&limited]).is_ok());
        let refused = |grant: Grant| check(&membership, &[&grant]).expect_err("refused").to_string();
        let plain = Grant::clone(&grant);
        assert!(refused(Grant { rights: Rights::default(), ..plain.clone() }).contains("in words"));
        let turned = "parks\u{202e}esion".parse().expect("a path");
        assert!(refused(Grant { resource: turned, ..plain.clone() }).contains("in words"));
        assert!(
            refused(Grant { resource: CollectionPath::control(), ..plain.clone() }).contains("mesh's own")
        );
        let unknown: Rights = later_rights(0x81);
        assert!(refused(Grant { rights: unknown, ..plain.clone() }).contains("in words"));
        assert!(check(&membership, &[&plain; 9]).is_err());
        let strange = Owner::found_with("har\u{200b}bour", Identity::from_seed([1; 32])).expect("a space");
        assert!(check(&Membership::new(strange.manifest(), []), &[]).is_err());
    }

    #[test]
    fn what_ends_soon_is_told_to_the_minute() {
        let end = 1_767_225_600_000;
        assert_eq!(day_at(end, end - 3_600_000), "2026-01-01T00:00Z");
        for now in [end - NEAR_MS, end + 1] {
            assert_eq!(day_at(end, now), "2026-01-01");
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(
            (entries(1), entries(0), logs(1), logs(2)),
            ("1 entry".into(), "0 entries".into(), "1 log".into(), "2 logs".into())
        );
    }

    /// Rights of a later version.
    fn later_rights(bits: u8) -> Rights {
        minicbor::decode(&minicbor::to_vec(bits).expect("a number")).expect("rights")
    }
}
