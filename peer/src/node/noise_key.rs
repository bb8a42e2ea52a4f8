//! The Noise key of this peer: when it is another one, and what follows for links when somebody says that its old ones are over.
//!
//! ```text
//! half of its validity is over   --> another one; the old one is good until it ends
//! the own rotation is on disk    --> another one; who learns of it takes the old ones no more, and closes their links
//! the rotation of a neighbour    --> its link is closed, if its key is an old one; it comes again with the new one
//! ```
//!
//! A rotation is for a key that may have been stolen, so that links do not outlast it either: the thief's would be among them.

use msec_identity::{NoiseKey, Rotation, UnixMillis, Verified};
use rand_core::Rng;

use super::{CloseReason, LinkId, Node};

impl Node {
    /// The Noise key for a new handshake.
    pub(super) fn noise_key(&mut self) -> NoiseKey {
        let validity = i64::try_from(self.config.noise_key_validity.as_millis()).unwrap_or(i64::MAX);
        // An endorsement by a clock that was never set would have expired long ago for everybody else. Such a key is good
        // for as long as the grants are: without one of them it opens no door.
        let by_grants = || self.grants().map(|grant| grant.not_after).max().unwrap_or(self.now.wall);
        let not_after = self.wall().map_or_else(by_grants, |now| now.saturating_add(validity));
        let half = self.now.wall.saturating_add(validity / 2);
        let me = self.peer();
        let is_good = |key: &&NoiseKey| {
            let endorsement = key.endorsement();
            endorsement.not_after >= half.min(not_after) && self.authority.key_counts(&me, endorsement.since)
        };
        if let Some(key) = self.links.key.as_ref().filter(is_good) {
            return key.clone();
        }
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        let since = self.key_since();
        let key = self.identity.rotate_noise(seed, since, not_after.max(since));
        self.links.key = Some(key.clone());
        key
    }

    /// When a key that is made now is said to have been endorsed: now, and not before the last rotation, whatever the clock shows.
    fn key_since(&self) -> UnixMillis {
        self.authority.keys_since(&self.peer()).map_or(self.now.wall, |floor| floor.max(self.now.wall))
    }

    /// What says that all Noise keys which this peer has endorsed so far are over, to be entered in its own control log.
    pub fn rotation(&self) -> Verified<Rotation> {
        let me = self.peer();
        // Later than anything that was said, also within one millisecond, and where the clock was set back.
        let said =
            [self.authority.keys_since(&me), self.links.key.as_ref().and_then(|key| key.endorsement().since)];
        let after = said.into_iter().flatten().max().map(|it| it.saturating_add(1));
        let since = after.map_or(self.now.wall, |after| after.max(self.now.wall));
        self.identity.sign(Rotation { space: self.authority.space(), issuer: me, since })
    }

    /// Closes the links of neighbours whose keys are over.
    pub(super) fn close_old_keys(&mut self) {
        let old: Vec<LinkId> = self.links.with_old_keys(&self.authority).collect();
        for link in old {
            self.disconnect(link, CloseReason::OldKey);
        }
    }
}
