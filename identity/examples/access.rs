//! What rights cost: a chain of four links against one signature, and the memory of ten thousand revocations.
//!
//! ```text
//! cargo run --release -p msec-identity --example access
//! ```
//!
//! Prints JSON. A chain is checked as a log's header is, by a peer that has seen none of its links. The revocations name one log
//! each, of grants that are not known here, by an everyday issuer; memory is what Linux says is resident.
#![allow(clippy::disallowed_methods, reason = "it measures")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use msec_identity::{
    Authority, CollectionPath, Cut, Cuts, Entered, Grant, GrantId, Identity, LogId, Manifest, PeerId,
    Revocation, Right, Rights, UnixMillis, Unverified, Verified, Written,
};

const LINKS: u8 = 4;
const ROUNDS: usize = 300;
const REVOCATIONS: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let keys: Vec<_> = (1..=LINKS + 1).map(|seed| Identity::from_seed([seed; 32])).collect();
    let manifest = Manifest::new("harbour", vec![keys[0].peer()], 1, [0; 16])?;
    let chain = chain(&manifest, &keys)?;
    let (one, four) = signature_and_chain(&manifest, &chain)?;
    let ratio = four.as_secs_f64() / one.as_secs_f64();
    println!(
        "{{\"signature_us\":{:.1},\"chain_us\":{:.1},\"chain_over_signature\":{ratio:.2}}}",
        us(one),
        us(four)
    );

    let mut authority = Authority::new(manifest);
    for link in &chain {
        let _ = authority.learn(link.clone().into())?;
    }
    // None of them is let go before the end: what came second would lie where the first one was.
    let mut all = [authority.clone(), authority];
    for (authority, entered) in all.iter_mut().zip([false, true]) {
        let before = resident_bytes()?;
        revoke(authority, &keys[1], chain[0].id(), entered)?;
        let bytes = resident_bytes()?.saturating_sub(before);
        println!("{{\"revocations\":{REVOCATIONS},\"entered\":{entered},\"resident_bytes\":{bytes}}}");
    }
    Ok(())
}

fn chain(manifest: &Manifest, keys: &[Identity]) -> Result<Vec<Verified<Grant>>, Box<dyn Error>> {
    let mut links: Vec<Verified<Grant>> = Vec::new();
    for (two, depth) in keys.windows(2).zip((0..LINKS).rev()) {
        links.push(two[0].sign(Grant {
            space: manifest.space(),
            issuer: two[0].peer(),
            holder: two[1].peer().into(),
            resource: "parks/noise".parse()?,
            rights: Rights::of([Right::Write, Right::Manage]),
            not_before: UnixMillis(0),
            not_after: UnixMillis(1_000),
            depth,
            parent: links.last().map(|link| link.id()),
            caveats: None,
        }));
    }
    Ok(links)
}

/// The shortest of many rounds of each, in turns: so both meet the same machine.
fn signature_and_chain(
    manifest: &Manifest,
    chain: &[Verified<Grant>],
) -> Result<(Duration, Duration), Box<dyn Error>> {
    let collection: CollectionPath = "parks/noise".parse()?;
    let author = chain.last().and_then(|link| link.holder.peer()).ok_or("a peer holds the last link")?;
    let log = Written { author, collection: &collection, stream: "mic-1", place: None };
    let authority = Authority::new(manifest.clone());
    let (mut one, mut four) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let link = Unverified::from(chain[0].clone());
        let issuer: PeerId = link.claims().issuer;
        let began = Instant::now();
        black_box(black_box(link).verify(&issuer)?);
        one = one.min(began.elapsed());

        let links: Vec<_> = chain.iter().map(|link| Unverified::from(link.clone())).collect();
        let began = Instant::now();
        black_box(authority.check_chain(&log, black_box(links))?);
        four = four.min(began.elapsed());
    }
    Ok((one, four))
}

fn revoke(
    authority: &mut Authority,
    issuer: &Identity,
    under: GrantId,
    entered: bool,
) -> Result<(), Box<dyn Error>> {
    let hash = |kind: u8, number: u64| {
        *blake3::Hasher::new().update(&[kind]).update(&number.to_le_bytes()).finalize().as_bytes()
    };
    for number in 0..REVOCATIONS {
        let cut = Cut { log: LogId(hash(0, number)), size: number, root: hash(1, number) };
        let record = issuer.sign(Revocation {
            space: authority.space(),
            issuer: issuer.peer(),
            grant: GrantId(hash(2, number)),
            cuts: Cuts::new([cut])?,
            at: UnixMillis(500),
            reason: "the device was lost".parse()?,
        });
        let place =
            Entered { log: LogId([7; 32]), author: issuer.peer(), under: Some(under), position: number };
        let _ = match entered {
            true => authority.enter(place, record.into())?,
            false => authority.learn(record.into())?,
        };
    }
    Ok(())
}

fn us(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
