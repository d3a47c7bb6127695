//! Ids of what the core makes on its own: drawn from what it is made for, so that the same cause never makes two of it.

use lp_protocol::{TaskId, WorkId};
use uuid::Uuid;

/// The id of the task that is made of `maker` for the `nth` time (or at the nth microsecond).
pub(super) fn task_id(maker: Uuid, nth: i64) -> TaskId {
    TaskId(drawn(0x6c70, maker, nth))
}

/// The same of a work.
pub(super) fn work_id(maker: Uuid, nth: i64) -> WorkId {
    WorkId(drawn(0x776b, maker, nth))
}

fn drawn(what: u64, maker: Uuid, nth: i64) -> Uuid {
    let (high, low) = maker.as_u64_pair();
    let first = mix(mix(high ^ what) ^ mix(low) ^ mix(nth as u64));
    let second = mix(first ^ low.rotate_left(32) ^ nth as u64);
    // version and variant of an id that is made by a rule of its own (RFC 9562, version 8)
    uuid::Builder::from_custom_bytes(Uuid::from_u64_pair(first, second).into_bytes()).into_uuid()
}

/// A number in [0, 1) that depends on the arguments alone.
pub(super) fn unit_interval(maker: Uuid, nth: i64) -> f64 {
    let (high, low) = maker.as_u64_pair();
    (mix(high ^ mix(low) ^ mix(nth as u64)) >> 11) as f64 / (1u64 << 53) as f64
}

/// splitmix64.
fn mix(number: u64) -> u64 {
    let mut hash = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_cause_has_an_id_of_its_own_and_always_the_same() {
        let makers: Vec<Uuid> = (0..40).map(|number| Uuid::from_u64_pair(1, number)).collect();
        let ids = || {
            let all = makers.iter().flat_map(|maker| (0..500).map(|nth| task_id(*maker, nth)));
            let works = makers.iter().flat_map(|maker| (0..500).map(|nth| work_id(*maker, nth)));
            all.map(|id| id.0).chain(works.map(|id| id.0)).collect::<BTreeSet<_>>()
        };

        assert_eq!(ids().len(), 2 * 40 * 500);
        assert_eq!(ids(), ids());
        assert!(ids().iter().all(|id| id.get_version_num() == 8));
    }
}
