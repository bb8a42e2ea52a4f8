//! What each class of data asks of a peer.

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
