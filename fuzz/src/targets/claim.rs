//! What somebody claims of a log's entries: the body of a claim entry.

use msec_crdt_store::{Bucket, CLAIM_BUCKETS_MAX, CLAIM_BYTES_MAX, RollUpClaim};

pub(super) fn check(bytes: &[u8]) {
    let Ok(claim) = RollUpClaim::from_bytes(bytes) else { return };
    assert!(bytes.len() <= CLAIM_BYTES_MAX && claim.buckets().len() <= CLAIM_BUCKETS_MAX);
    assert_eq!(claim.to_bytes(), bytes, "a claim has one encoding, and so one hash");
    assert!(claim.from() < claim.to());
    let mut all = Bucket::default();
    for bucket in claim.buckets().values() {
        let (Some(min), Some(max), Some(mean)) = (bucket.min(), bucket.max(), bucket.mean()) else {
            assert!(bucket.count() == 0 && bucket.uncertain() + bucket.bad() > 0);
            continue;
        };
        assert!(min <= mean && mean <= max);
        all.join(bucket);
        all.join(bucket);
    }
    assert!(all.mean().is_none_or(f64::is_finite), "whatever is joined, a mean is a number");
}
