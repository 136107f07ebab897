//! Dates to keep: how near one is, and which days a row of payments covers. Information, not legal
//! advice.

use jiff::{Span, civil::Date};

/// How near a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// It was so many days ago.
    Over(u32),
    /// It is today.
    Today,
    /// It comes in so many days, within what counts as soon.
    Soon(u32),
    /// It comes later than that, in so many days.
    Later(u32),
}

/// How near a day is to `today`; up to `soon_days` ahead counts as soon.
#[must_use]
pub fn nearness(on: Date, today: Date, soon_days: u32) -> Nearness {
    let days = days_between(today, on);
    let count = u32::try_from(days.unsigned_abs()).unwrap_or(u32::MAX);
    match days {
        0 => Nearness::Today,
        ..0 => Nearness::Over(count),
        _ if count <= soon_days => Nearness::Soon(count),
        _ => Nearness::Later(count),
    }
}

/// What a row of paid periods covers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// The first day that is paid for.
    pub from: Option<Date>,
    /// The last day that is paid for.
    pub until: Option<Date>,
    /// Days between the first and the last that nothing covers: first and last day of each gap.
    pub gaps: Vec<(Date, Date)>,
}

/// The days that periods cover together, first and last day of each included. They may come in any
/// order, overlap, or repeat; one that ends before it begins covers nothing.
#[must_use]
pub fn coverage(periods: &[(Date, Date)]) -> Coverage {
    let mut sorted: Vec<_> = periods.iter().filter(|(a, b)| a <= b).copied().collect();
    sorted.sort_unstable();
    let mut covered = Coverage::default();
    for (from, until) in sorted {
        let Some(known) = covered.until else {
            covered.from = Some(from);
            covered.until = Some(until);
            continue;
        };
        // The day after the last paid one, and the day before the next period.
        if let (Some(next), Some(before)) = (day_after(known), day_before(from))
            && next <= before
        {
            covered.gaps.push((next, before));
        }
        covered.until = Some(known.max(until));
    }
    covered
}

/// Whole days from one day to another; negative if the other is earlier.
#[must_use]
pub fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

fn day_after(day: Date) -> Option<Date> {
    day.checked_add(Span::new().days(1)).ok()
}

fn day_before(day: Date) -> Option<Date> {
    day.checked_sub(Span::new().days(1)).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_day_itself_is_today_and_the_last_soon_day_is_soon() {
        let today = date(2026, 2, 27);
        for (on, want) in [
            (date(2026, 2, 27), Nearness::Today),
            (date(2026, 2, 26), Nearness::Over(1)),
            (date(2025, 2, 27), Nearness::Over(365)),
            (date(2026, 3, 29), Nearness::Soon(30)),
            (date(2026, 3, 30), Nearness::Later(31)),
            // Over the end of a February, with and without a leap day.
            (date(2026, 3, 1), Nearness::Soon(2)),
        ] {
            assert_eq!(nearness(on, today, 30), want, "{on}");
        }
        let leap = nearness(date(2028, 3, 1), date(2028, 2, 27), 30);
        assert_eq!(leap, Nearness::Soon(3));
        let far = nearness(Date::MAX, Date::MIN, u32::MAX);
        assert!(matches!(far, Nearness::Soon(days) if days > 7_000_000));
    }

    #[test]
    fn months_paid_one_after_another_have_no_gap_and_a_missed_one_is_named() {
        let month = |m: i8| {
            let first = date(2026, m, 1);
            (first, first.last_of_month())
        };
        let all = coverage(&[month(3), month(1), month(2), month(2)]);
        assert_eq!(all.gaps, []);
        assert_eq!(
            (all.from, all.until),
            (Some(date(2026, 1, 1)), Some(date(2026, 3, 31)))
        );
        let missed = coverage(&[month(1), month(4), month(2)]);
        assert_eq!(missed.gaps, [month(3)]);
        assert_eq!(missed.until, Some(date(2026, 4, 30)));
        // A long one within which a short one lies ends where the long one ends.
        let inner = coverage(&[(date(2026, 1, 1), date(2026, 6, 30)), month(2)]);
        assert_eq!(inner.until, Some(date(2026, 6, 30)));
        let one_day = coverage(&[
            (date(2026, 1, 1), date(2026, 1, 1)),
            (date(2026, 1, 3), date(2026, 1, 3)),
        ]);
        assert_eq!(one_day.gaps, [(date(2026, 1, 2), date(2026, 1, 2))]);
        assert_eq!(coverage(&[]), Coverage::default());
        let backwards = coverage(&[(date(2026, 2, 1), date(2026, 1, 1))]);
        assert_eq!(backwards, Coverage::default());
        let ends = coverage(&[(Date::MIN, Date::MAX), (Date::MIN, Date::MIN)]);
        assert_eq!(ends.gaps, []);
    }
}
