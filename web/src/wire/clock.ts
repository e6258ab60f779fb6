/// The fleet's clock, and words for times and ages. A replayed fleet lives in its own time at its own speed; every age is by it.

export interface ClockReading {
  /** The fleet's clock when the server read it, milliseconds since 1970. */
  readonly clock_ms: number;
  /** Fleet seconds per real second. */
  readonly clock_speed: number;
  /** performance.now() when the reading arrived. */
  readonly arrived_ms: number;
}

/** The fleet's time at a moment of performance.now(). */
export function fleetNow(clock: ClockReading, now_ms: number): number {
  return clock.clock_ms + Math.max(0, now_ms - clock.arrived_ms) * clock.clock_speed;
}

/** "now", "12 s", "4 min", "3 h", "2 d": one unit, never rounded up. */
export function formatAge(age_s: number): string {
  if (!Number.isFinite(age_s)) return "unknown";
  const age = Math.max(0, Math.floor(age_s));
  if (age < 2) return "now";
  if (age < 60) return `${age} s`;
  if (age < 3_600) return `${Math.floor(age / 60)} min`;
  if (age < 86_400) return `${Math.floor(age / 3_600)} h`;
  return `${Math.floor(age / 86_400)} d`;
}

/** The age with "ago", for sentences. */
export function formatAgo(age_s: number): string {
  const age = formatAge(age_s);
  return age === "now" || age === "unknown" ? age : `${age} ago`;
}

const pad2 = (value: number): string => String(value).padStart(2, "0");

/** "14:02:07" of a moment, in the reader's zone. */
export function formatTime(time_ms: number): string {
  const time = new Date(time_ms);
  return `${formatMinute(time_ms)}:${pad2(time.getSeconds())}`;
}

/** "14:02". */
export function formatMinute(time_ms: number): string {
  const time = new Date(time_ms);
  return `${pad2(time.getHours())}:${pad2(time.getMinutes())}`;
}

/** "2008-05-18". */
export function formatDate(time_ms: number): string {
  const time = new Date(time_ms);
  return `${time.getFullYear()}-${pad2(time.getMonth() + 1)}-${pad2(time.getDate())}`;
}

/** "36 km/h", or a dash when it is not known. */
export function formatSpeed(speed_mps: number | null): string {
  return speed_mps === null || Number.isNaN(speed_mps) ? "–" : `${Math.round(speed_mps * 3.6)} km/h`;
}

const WINDS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];

/** "214° SW". */
export function formatCourse(course_deg: number | null): string {
  if (course_deg === null) return "–";
  const course = ((Math.round(course_deg) % 360) + 360) % 360;
  return `${course}° ${WINDS[Math.round(course / 45) % 8]}`;
}

/** "12,345" with a thin grouping that does not depend on the reader's locale. */
export function formatCount(count: number): string {
  return String(Math.trunc(count)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}
