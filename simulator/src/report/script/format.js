// Numbers as people read them, as in numbers.rs.

const digits = (value) => (value < 9.995 ? 2 : value < 99.95 ? 1 : 0);

const count = (number) => Math.round(number).toLocaleString("en-US");

function bytes(value) {
  for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
    if (value < 999.5) return `${unit === "B" ? Math.round(value) : value.toFixed(digits(value))} ${unit}`;
    value /= 1000;
  }
  return `${Math.round(value)} PB`;
}

function parts(large, largeUnit, small, smallUnit) {
  return small === 0 ? `${count(large)} ${largeUnit}` : `${count(large)} ${largeUnit} ${small} ${smallUnit}`;
}

function time(seconds) {
  const ms = seconds * 1000;
  if (ms === 0) return "0 s";
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 999.5) return `${ms.toFixed(digits(ms))} ms`;
  if (seconds < 99.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
  if (seconds < 3599.5) {
    const whole = Math.round(seconds);
    return parts(Math.floor(whole / 60), "min", whole % 60, "s");
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return parts(Math.floor(minutes / 60), "h", minutes % 60, "min");
  return parts(Math.floor(minutes / 1440), "days", Math.floor((minutes % 1440) / 60), "h");
}

// For axes: a number and one unit.
function shortTime(seconds) {
  const plain = (value) => String(Number(value.toPrecision(3)));
  if (seconds === 0) return "0";
  if (seconds < 1) return `${plain(seconds * 1000)} ms`;
  if (seconds < 120) return `${plain(seconds)} s`;
  if (seconds < 7200) return `${plain(seconds / 60)} min`;
  return `${plain(seconds / 3600)} h`;
}

function share(part, whole) {
  if (!whole) return "–";
  if (part >= whole) return "100 %";
  if (part <= 0) return "0 %";
  const percent = (part / whole) * 100;
  if (percent < 0.01) return "under 0.01 %";
  if (percent > 99.99) return "over 99.99 %";
  return `${percent.toFixed(percent < 1 || percent > 99 ? 2 : 1)} %`;
}

// For axes and short notes: 12k, 3.4M.
function short(number) {
  const plain = (value) => String(Number(value.toPrecision(3)));
  if (number >= 1e9) return `${plain(number / 1e9)}G`;
  if (number >= 1e6) return `${plain(number / 1e6)}M`;
  if (number >= 1e4) return `${plain(number / 1e3)}k`;
  return plain(number);
}
