//! How much an authority holds.
//!
//! What is full refuses what comes, and says so; nothing that is held is driven out. What a revocation says is never lost:
//! where there is no room for one that binds, its grant falls whole, every log cut at 0; where it cannot be told yet what
//! it binds, no grant below its issuer is taken any more.

/// The most grants. A further one is refused.
pub const GRANTS_MAX: usize = 65_536;
/// The most revocations. For a further one its grant falls whole.
pub const REVOCATIONS_MAX: usize = 65_536;
/// The most restorations. A further one is refused.
pub const RESTORATIONS_MAX: usize = 16_384;
/// The most approvals. A further one is refused.
pub const APPROVALS_MAX: usize = 65_536;
/// The most erasures. A further one is refused: whoever lacks it keeps the bodies, and says so.
pub const ERASURES_MAX: usize = 65_536;
/// The most stretches in all erasures, as many as a store keeps tombstones. An erasure beyond it is refused.
pub const STRETCHES_MAX: usize = 262_144;
/// The most stretches that one issuer who never was a root names. An erasure beyond it is refused.
pub const STRETCHES_OF_ONE_ISSUER_MAX: usize = STRETCHES_MAX / ERASED_BY_ONE_MANAGER;
/// Which part of both tables those may fill who never were roots.
pub(super) const ERASED_BY_OTHERS: usize = 2;
/// Which part one of them.
pub(super) const ERASED_BY_ONE_MANAGER: usize = 8;
/// Which part those who do not manage anything: they erase what they wrote themselves.
pub(super) const ERASED_BY_AUTHORS: usize = 4;
/// Which part one of them.
pub(super) const ERASED_BY_ONE_AUTHOR: usize = 128;
/// The most successions of one space, agreed to or not. A further one is refused.
pub const SUCCESSIONS_MAX: usize = 256;
/// The most cuts in all revocations and restorations. For a revocation beyond it its grant falls whole; a restoration is refused.
pub const CUTS_MAX: usize = 262_144;
/// The most of them by issuers that are no roots.
pub(super) const CUTS_BY_MANAGERS_MAX: usize = CUTS_MAX / 2;
/// The most of one issuer that is no root. For a revocation beyond it its grant falls whole; a restoration is refused.
pub const CUTS_OF_ONE_ISSUER_MAX: usize = 65_536;
/// The most other spaces whose roots are known. A further one is refused.
pub const LINKED_SPACES_MAX: usize = 64;
/// The most other spaces whose roots managers made known that are no roots. A further one is refused, and roots still have room.
pub(super) const LINKED_BY_MANAGERS_MAX: usize = LINKED_SPACES_MAX / 2;
/// The most control logs whose positions are known. What is entered in a further one counts as shown.
pub const CONTROL_LOGS_MAX: usize = 65_536;
/// The most of them by issuers that are no roots.
pub(super) const CONTROL_LOGS_BY_MANAGERS_MAX: usize = CONTROL_LOGS_MAX / 2;
/// The most of one issuer that is no root.
pub const CONTROL_LOGS_OF_ONE_ISSUER_MAX: usize = 8_192;
/// The most places of records beside the first of each: further control logs that they are entered in. One beyond it is not kept, as is
/// one whose issuer has used up its records.
pub const FURTHER_PLACES_MAX: usize = 262_144;
/// The most of them by issuers that are no roots.
pub(super) const FURTHER_PLACES_BY_MANAGERS_MAX: usize = FURTHER_PLACES_MAX / 2;
/// The most records of one issuer that is no root. A further one is refused; for a revocation its grant falls whole.
pub const RECORDS_OF_ONE_ISSUER_MAX: u32 = 32_768;
/// The most peers of whom it is known since when their Noise keys count. Of a further one it is not: there are as many grants at most.
pub const ROTATIONS_MAX: usize = GRANTS_MAX;
/// The most logs that a [`super::Change`] lists which erasures name. Where there are more, it says that everything changed.
pub const CHANGED_ERASED_MAX: usize = 4_096;
/// The most records and cuts together of issuers that no chain leads to yet, and as many stretches of erasures. A further one is refused: control logs and
/// headers show the chain first, so that whatever waits here came out of order or from a stranger.
pub const WAITING_MAX: u32 = 4_096;
/// The most epochs of sealed collections, and of further logs in which one is entered. A further one is refused: those who manage a
/// collection let it go on in the epoch that it has.
pub const EPOCHS_MAX: usize = 65_536;
/// The most of them by issuers that never were roots, so that roots still have room.
pub(super) const EPOCHS_BY_MANAGERS_MAX: usize = EPOCHS_MAX / 4 * 3;
/// The most of them by one issuer that never was a root. A further one is refused, and others still have room.
pub const EPOCHS_OF_ONE_ISSUER_MAX: usize = EPOCHS_MAX / 4;
/// The most peers whose sealing keys are known. That of a further one is refused, and nothing is wrapped for it.
pub const SEALING_KEYS_MAX: usize = 65_536;
/// The most grants that a [`super::Change`] lists. Where more changed, it says that everything did.
pub const CHANGED_GRANTS_MAX: usize = 1_024;
