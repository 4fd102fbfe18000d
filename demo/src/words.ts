/**
 * Numbers and names as a person reads them. Decides no figure; the same quantity is always written
 * the same way. Decimal units (1 MB = 1,000,000 bytes), as networks count. Numbers and their units
 * are held together by a no-break space.
 */

/** `12.4 MB`, `310 kB`, `0 kB`. */
export function megabytes(bytes: number): string {
  if (bytes < 999_500) return `${Math.round(bytes / 1000)}\u00a0kB`;
  return `${(bytes / 1e6).toFixed(bytes < 99_950_000 ? 1 : 0)}\u00a0MB`;
}

/** `1.3 Mbit/s` or `190 kbit/s` from bytes a second. */
export function rate(bytesPerSecond: number): string {
  const kilobits = Math.round((bytesPerSecond * 8) / 1000);
  return kilobits < 950 ? `${kilobits}\u00a0kbit/s` : `${megabits(bytesPerSecond)}\u00a0Mbit/s`;
}

/** `1.3` from bytes a second, where the unit stands elsewhere. */
export function megabits(bytesPerSecond: number): string {
  const value = (bytesPerSecond * 8) / 1e6;
  return value.toFixed(value < 9.95 ? 1 : 0);
}

/** `0.24 s` or `3.1 s` from milliseconds. */
export function seconds(milliseconds: number): string {
  const value = milliseconds / 1000;
  return `${value.toFixed(value < 1 ? 2 : 1)}\u00a0s`;
}

/** `78 %`. */
export function percent(share: number): string {
  return `${Math.round(share * 100)}\u00a0%`;
}

/** `1`, `1.3`: whole numbers without a decimal. */
export function times(value: number): string {
  const text = value.toFixed(1);
  return text.endsWith(".0") ? text.slice(0, -2) : text;
}

/** `1 viewer`, `3 viewers`. */
export function viewers(count: number): string {
  return count === 1 ? "1 viewer" : `${count} viewers`;
}
