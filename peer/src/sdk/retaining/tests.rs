use std::net::SocketAddr;

use msec_crdt_store::{Query, Reading};

use super::*;
use crate::{Claims, Membership, Owner, Peer, PeerConfig, StreamSpec};

const HOUR_MS: i64 = 3_600_000;

fn rule(
    collection: &str,
    raw_ms: Option<u64>,
    roll_ups_ms: Option<u64>,
    bytes_max: Option<u64>,
) -> Retention {
    let collection = collection.parse().expect("a path");
    Retention { collection, raw_ms, roll_ups_ms, bytes_max }
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    let check = |rules: Vec<Retention>| Keep { rules, ..Keep::default() }.check();
    assert_eq!(check(vec![rule("parks", None, Some(7), None)]), Err(KeepError::KeepsAll));
    assert_eq!(check(vec![rule("parks", Some(8), Some(7), None)]), Err(KeepError::RollUpsFirst));
    assert_eq!(check(vec![rule("parks", None, Some(7), Some(9))]), Err(KeepError::RollUpsFirst));
    let twice = vec![rule("parks", Some(8), None, None), rule("parks", None, Some(0), Some(9))];
    assert!(matches!(check(twice), Err(KeepError::Twice { .. })));
    let many = (0..=KEEP_RULES_MAX).map(|n| rule(&format!("a{n}"), Some(1), None, None)).collect();
    assert_eq!(check(many), Err(KeepError::TooMany { rules: KEEP_RULES_MAX + 1 }));
    let fine = [
        rule("", Some(8), Some(8), None),
        rule("parks", Some(8), Some(0), None),
        rule("air", Some(0), None, Some(1)),
    ];
    assert_eq!(check(fine.to_vec()), Ok(()));
}

/// A sensor, and two gateways that hold what it writes: what is old goes at the first gateway once the others hold it and its
/// claims stand for it, and the answer by the hour stays what it was.
#[tokio::test]
async fn what_is_old_goes_once_two_others_hold_it_and_claims_stand_for_it() {
    let owner = Owner::found("harbour").expect("founded");
    let dirs = [(); 3].map(|()| tempfile::tempdir().expect("a directory"));
    let keep = Keep {
        every: Duration::from_millis(100),
        copies: 2,
        rules: vec![rule("parks", Some(24 * HOUR_MS as u64), None, None)],
    };
    let open = async |n: usize, contacts: &[SocketAddr], keep: Keep, claims: bool| {
        let config = PeerConfig::new(dirs[n].path()).expect("a data directory");
        let grant = owner.grant(config.peer(), "parks", "relay,read,write", 30).expect("granted");
        let config = config.join(Membership::new(owner.manifest(), [grant])).keep(keep).tune(|config| {
            config.gossip.reconcile_hurry = Duration::from_millis(200);
            config.gossip.reconcile_interval = Duration::from_millis(400);
            config.gossip.reconcile_interval_max = Duration::from_millis(400);
        });
        let collections = vec!["parks".parse().expect("a path")];
        let config = match claims {
            true => {
                config.claims(Claims { every: Duration::from_millis(200), collections, ..Claims::default() })
            }
            false => config,
        };
        let config = contacts.iter().fold(config, |config, at| config.contact(*at));
        Peer::open(config).await.expect("opens")
    };
    let keeper = open(0, &[], keep, true).await;
    let stream = StreamSpec::new("parks/noise", "mic-1").expect("a stream").unit("dB");
    let mut log = None;
    let old = wall_clock().saturating_add(-100 * HOUR_MS);
    for n in 0..12 {
        let at = old.saturating_add(n * HOUR_MS / 4);
        let receipt = keeper.publish(&stream, &[Reading::new(at, n as f64)]).await.expect("published");
        log = Some(receipt.log);
    }
    // What is claimed together with the last entry stays with it.
    let log = log.expect("a log");
    while keeper.claims(log).await.expect("answers").iter().all(|claim| claim.to < 13) {
        sleep(Duration::from_millis(20)).await;
    }
    keeper.publish(&stream, &[Reading::new(wall_clock(), 99.0)]).await.expect("published");
    let kept = async |peer: &Peer| peer.query(Query::default()).await.expect("answers").len();
    let looked = async |peer: &Peer, times: usize| {
        for _ in 0..times {
            let before = peer.status().await.expect("answers").retention.expect("rules").looked_ms;
            while peer.status().await.expect("answers").retention.expect("rules").looked_ms == before {
                sleep(Duration::from_millis(20)).await;
            }
        }
    };
    let patience = Duration::from_secs(30);
    let first = open(1, &[keeper.address()], Keep::default(), false).await;
    tokio::time::timeout(patience, async {
        while kept(&first).await < 13 {
            sleep(Duration::from_millis(20)).await;
        }
        looked(&keeper, 2).await;
    })
    .await
    .expect("in time");
    assert_eq!(kept(&keeper).await, 13, "only one other holds it");
    let second = open(2, &[keeper.address()], Keep::default(), false).await;
    tokio::time::timeout(patience, async {
        while kept(&keeper).await > 1 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("let go in time");
    assert_eq!((kept(&first).await, kept(&second).await), (13, 13), "others keep what they have");
    let status = keeper.status().await.expect("answers");
    let gone = keeper.let_go().await.expect("answers");
    assert_eq!((status.let_go_logs, status.let_go_entries), (1, 12));
    assert_eq!((gone.len(), gone[0].begin), (1, 13));
    assert!(status.retention.is_some_and(|kept| kept.let_go_entries == 12));
    let query = crate::RollUpQuery {
        stream: Some("mic-1".into()),
        ..crate::RollUpQuery::every(crate::Resolution::Hour)
    };
    let readings: u64 =
        keeper.roll_ups(query).await.expect("answers").iter().map(|row| row.bucket.count()).sum();
    assert_eq!(readings, 13, "claims stand for what is gone");
    for peer in [first, second, keeper] {
        peer.close().await;
    }
}
