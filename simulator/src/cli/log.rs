//! What nodes log, for whoever asks. It changes nothing of what they do.

/// Writes it to standard error from that level on. Without a level nothing is logged.
pub(super) fn start(level: Option<&str>) {
    let Some(level) = level.and_then(|level| level.parse::<tracing::Level>().ok()) else { return };
    // Real time would say nothing about a world with a time of its own.
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).without_time();
    // Only the first one of a process counts; tests may have set theirs.
    let _ = log.try_init();
}
