//! Numbers as people read them.

/// 1,203,456
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 fault`, `2 faults`
pub(super) fn counted(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { more })
}

/// 13.2 kB
pub(super) fn bytes(bytes: f64) -> String {
    let mut value = bytes;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        // What would be rounded to 1000 is 1 of the next unit.
        if value < 999.5 {
            let digits = if unit == "B" { 0 } else { digits(value) };
            return format!("{value:.digits$} {unit}");
        }
        value /= 1_000.0;
    }
    format!("{value:.0} PB")
}

/// 84 ms, 1.24 s, 3 min 20 s
pub(super) fn time(seconds: f64) -> String {
    let ms = seconds * 1_000.0;
    if ms == 0.0 {
        return "0 s".into();
    }
    if ms < 1.0 {
        return format!("{ms:.2} ms");
    }
    if ms < 999.5 {
        return format!("{ms:.*} ms", digits(ms));
    }
    if seconds < 99.95 {
        return format!("{seconds:.*} s", if seconds < 9.995 { 2 } else { 1 });
    }
    if seconds < 3_600.0 - 0.5 {
        let seconds = seconds.round() as u64;
        return parts(seconds / 60, "min", seconds % 60, "s");
    }
    let minutes = (seconds / 60.0).round() as u64;
    if minutes < 48 * 60 {
        return parts(minutes / 60, "h", minutes % 60, "min");
    }
    parts(minutes / 1_440, "days", minutes % 1_440 / 60, "h")
}

fn parts(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    let large = format!("{} {large_unit}", count(large));
    if small == 0 { large } else { format!("{large} {small} {small_unit}") }
}

/// A share of something, in percent. It says 100 % only of all, and 0 % only of nothing.
pub(super) fn percent(part: u64, whole: u64) -> String {
    match (part, whole) {
        (_, 0) => "–".into(),
        (0, _) => "0 %".into(),
        _ if part >= whole => "100 %".into(),
        _ => share(part as f64 / whole as f64),
    }
}

/// The same of a share that is neither all nor nothing.
pub(super) fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0 %".into(),
        _ if percent > 0.0 && percent < 0.01 => "under 0.01 %".into(),
        _ if percent > 99.99 && percent < 100.0 => "over 99.99 %".into(),
        _ if percent < 1.0 || (percent > 99.0 && percent < 100.0) => format!("{percent:.2} %"),
        _ => format!("{percent:.1} %"),
    }
}

/// So that three digits are shown.
fn digits(value: f64) -> usize {
    match value {
        _ if value < 9.995 => 2,
        _ if value < 99.95 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        assert_eq!([0, 999, 1_000, 1_203_456].map(count), ["0", "999", "1,000", "1,203,456"]);
        assert_eq!([1, 2].map(|n| counted(n, "fault", "faults")), ["1 fault", "2 faults"]);
    }

    #[test]
    fn sizes_and_times_have_three_digits() {
        let sizes = [0.0, 999.4, 999.6, 13_240.0, 999_600.0, 2.5e18];
        assert_eq!(sizes.map(bytes), ["0 B", "999 B", "1.00 kB", "13.2 kB", "1.00 MB", "2500 PB"]);
        let times = [0.0004, 0.0843, 0.9996, 1.239, 34.06, 200.0, 240.0, 3_599.8, 12_000.0, 1e6];
        let texts = [
            "0.40 ms",
            "84.3 ms",
            "1.00 s",
            "1.24 s",
            "34.1 s",
            "3 min 20 s",
            "4 min",
            "1 h",
            "3 h 20 min",
            "11 days 13 h",
        ];
        assert_eq!(times.map(time), texts);
    }

    #[test]
    fn all_is_all_and_nothing_is_nothing() {
        assert_eq!(percent(0, 0), "–");
        assert_eq!(percent(1_000_000, 1_000_000), "100 %");
        assert_eq!(percent(999_999, 1_000_000), "over 99.99 %");
        assert_eq!(percent(9_990, 10_000), "99.90 %");
        assert_eq!(percent(1, 1_000_000), "under 0.01 %");
        assert_eq!(percent(0, 5), "0 %");
        assert_eq!(percent(1, 3), "33.3 %");
    }
}
