//! A real entry: what a minute of readings takes with the head that covers it.

use msec_crdt_store::{LogHeader, OwnLog, Reading, TimeQuality};
use msec_identity::{Identity, SpaceId, UnixMillis};

use crate::seed::Dice;

/// The bytes that a sensor pushes for an entry of `readings` readings, one a second, of a microphone in a park: the second
/// entry of its log, since the first carries the log's header and grants.
pub fn bytes(readings: usize) -> anyhow::Result<u32> {
    let sensor = Identity::from_seed([7; 32]);
    let header = LogHeader::new(SpaceId([1; 32]), "parks/noise".parse()?, "mic-1", sensor.peer(), [2; 16]);
    let mut log = OwnLog::create(header.with_unit("dB"));
    let mut dice = Dice::new(&[0xdb]);
    let mut length = 0;
    let mut now = 1_700_000_000_000;
    for salt in [3, 4] {
        let mut level = 500;
        let mut batch = Vec::new();
        for _ in 0..readings {
            // Tenths of a decibel, wandering, a few milliseconds off the second.
            level += dice.below(21) as i64 - 10;
            let time = UnixMillis(now + dice.below(7) as i64);
            batch.push(Reading::new(time, level as f64 / 10.0));
            now += 1_000;
        }
        log.append_readings(UnixMillis(now), TimeQuality::Synchronised, [salt; 16], &batch)?;
        let run = log.sign(&sensor, UnixMillis(now)).expect("there is something to sign");
        length = run.to_bytes().len();
    }
    Ok(u32::try_from(length)?)
}
