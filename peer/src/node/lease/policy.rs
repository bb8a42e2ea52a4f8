//! What each class of data asks of a peer.

use std::str::FromStr;
use std::time::Duration;

use msec_identity::Class;

/// The shortest [`Lease::max_age`]: three questions have to fit in, each of which may take some seconds.
pub const LEASE_MIN: Duration = Duration::from_secs(15);

/// How fresh a peer has to be, and what it does when it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// How old the last word of an issuer may be. It is asked for after a third of that.
    pub max_age: Duration,
    /// Whether nothing is shown and nothing given away when it is older. Otherwise that is logged, and all goes on.
    pub closed: bool,
}

/// That of each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Leases {
    /// What nobody classified. Default: 24 h, open. Of what everybody may read little is lost by a reader too many, and a city whose
    /// link is cut goes on to work.
    pub public: Lease,
    /// What is about people. Default: 1 h, closed.
    pub personal: Lease,
    /// What moves something. Default: 60 s, closed. No shorter: a beat comes over several hops, each of which waits for company.
    pub actuation: Lease,
}

impl Leases {
    /// That of a class.
    pub fn of(&self, class: Class) -> Lease {
        match class {
            Class::Public => self.public,
            Class::Personal => self.personal,
            Class::Actuation => self.actuation,
        }
    }

    /// Sets that of a class.
    pub fn set(&mut self, ClassLease { class, lease }: ClassLease) {
        match class {
            Class::Public => self.public = lease,
            Class::Personal => self.personal = lease,
            Class::Actuation => self.actuation = lease,
        }
    }

    /// The name and the age of each.
    pub(in crate::node) fn ages(&self) -> [(&'static str, Duration); 3] {
        [
            ("leases.public.max_age", self.public.max_age),
            ("leases.personal.max_age", self.personal.max_age),
            ("leases.actuation.max_age", self.actuation.max_age),
        ]
    }
}

impl Default for Leases {
    fn default() -> Self {
        let lease = |seconds, closed| Lease { max_age: Duration::from_secs(seconds), closed };
        Self { public: lease(24 * 3600, false), personal: lease(3600, true), actuation: lease(60, true) }
    }
}

/// What one class asks for, as people write it: `personal=2h`, `actuation=30s,closed`, `public=12h,open`. Where it is not said whether it
/// fails open or closed, it does as by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassLease {
    /// Which class.
    pub class: Class,
    /// What it asks for.
    pub lease: Lease,
}

/// Text that is no lease.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseLeaseError {
    /// It is written otherwise.
    #[error(
        "`{text}` is no lease: write CLASS=AGE, such as personal=2h, and behind it ,open or ,closed; an age is 30s, 15m, 2h or 1d"
    )]
    Malformed {
        /// What was written.
        text: String,
    },
    /// It is over before an answer can have come, or lasts longer than any clock here is asked to count.
    #[error("`{text}` must be between {} s and a year", LEASE_MIN.as_secs())]
    Age {
        /// What was written.
        text: String,
    },
}

impl FromStr for ClassLease {
    type Err = ParseLeaseError;

    fn from_str(text: &str) -> Result<Self, ParseLeaseError> {
        let malformed = || ParseLeaseError::Malformed { text: text.to_owned() };
        let (class, rest) = text.split_once('=').ok_or_else(malformed)?;
        let class: Class = class.trim().parse().map_err(|_| malformed())?;
        let (age, how) = rest.split_once(',').map_or((rest, None), |(age, how)| (age, Some(how)));
        let closed = match how.map(str::trim) {
            None => Leases::default().of(class).closed,
            Some("open") => false,
            Some("closed") => true,
            Some(_) => return Err(malformed()),
        };
        let max_age = age_of(age.trim()).ok_or_else(malformed)?;
        if !(LEASE_MIN..=crate::node::Config::DURATION_MAX).contains(&max_age) {
            return Err(ParseLeaseError::Age { text: age.trim().to_owned() });
        }
        Ok(Self { class, lease: Lease { max_age, closed } })
    }
}

/// `30s`, `15m`, `2h` or `1d`.
fn age_of(text: &str) -> Option<Duration> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let (number, seconds) =
        units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, *seconds)))?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_read_or_say_what_is_wrong() {
        let read = |text: &str| {
            text.parse::<ClassLease>().map(|it| (it.class, it.lease.max_age.as_secs(), it.lease.closed))
        };
        assert_eq!(read("personal=2h"), Ok((Class::Personal, 7_200, true)));
        assert_eq!(read("public = 1d, closed"), Ok((Class::Public, 86_400, true)));
        assert_eq!(read("actuation=30s,open"), Ok((Class::Actuation, 30, false)));
        for text in [
            "",
            "personal",
            "secret=1h",
            "personal=1",
            "personal=-1h",
            "personal=1h,ajar",
            "personal=99999999999999999999d",
        ] {
            let said = read(text).expect_err(text).to_string();
            assert!(said.contains("CLASS=AGE"), "{said}");
        }
        for text in ["personal=14s", "personal=0s", "personal=367d"] {
            assert!(read(text).expect_err(text).to_string().contains("between 15 s and a year"));
        }
        let mut leases = Leases::default();
        leases.set("actuation=30s,open".parse().expect("a lease"));
        assert_eq!(leases.of(Class::Actuation), Lease { max_age: Duration::from_secs(30), closed: false });
        assert_eq!(leases.of(Class::Personal), Leases::default().personal);
    }
}
