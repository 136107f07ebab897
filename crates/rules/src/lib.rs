//! Rules on dates and values: a service's constraints on disclosed claims, the same function for the
//! person's client and the office's gateway; dates to keep. Counting days of stay comes with its issue.

mod due;

pub use due::{Coverage, Nearness, coverage, days_between, nearness};

use denizen_model::catalogue::{Constraint, ConstraintOp};
use jiff::civil::Date;
use serde_json::{Map, Value};

/// What a constraint says of disclosed claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Met.
    Met,
    /// Not met.
    NotMet,
    /// The claim is not disclosed, or has no value that the rule understands.
    NotShown,
}

/// Evaluates a constraint on the disclosed claims of its query on a day.
#[must_use]
pub fn evaluate(constraint: &Constraint, claims: &Map<String, Value>, today: Date) -> Verdict {
    let Some((first, rest)) = constraint.path.split_first() else {
        return Verdict::NotShown;
    };
    let value = rest
        .iter()
        .try_fold(claims.get(first), |value, name| Some(value?.get(name)));
    let Some(Some(value)) = value else {
        return Verdict::NotShown;
    };
    let met = match &constraint.op {
        ConstraintOp::NotExpiredFor { days } => not_expired_for(value, *days, today),
        ConstraintOp::AtLeast {
            value: least,
            order,
        } => at_least(value, least, order),
    };
    match met {
        Some(true) => Verdict::Met,
        Some(false) => Verdict::NotMet,
        None => Verdict::NotShown,
    }
}

/// The last day of a full or partial date (`2030`, `2030-02`, `2030-02-10`).
#[must_use]
pub fn last_day(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let year = parts.next().filter(|y| y.len() == 4)?.parse().ok()?;
    let Some(month) = parts.next() else {
        return Date::new(year, 12, 31).ok();
    };
    let month = month.parse().ok()?;
    match parts.next() {
        None => Date::new(year, month, 1).ok().map(Date::last_of_month),
        Some(_) => text.parse().ok(),
    }
}

fn not_expired_for(value: &Value, days: u32, today: Date) -> Option<bool> {
    let until = last_day(value.as_str()?)?;
    let needed = today
        .checked_add(jiff::Span::new().try_days(i64::from(days)).ok()?)
        .ok()?;
    Some(until >= needed)
}

fn at_least(value: &Value, least: &Value, order: &[String]) -> Option<bool> {
    match (value, least) {
        (Value::Number(value), Value::Number(least)) => Some(value.as_f64()? >= least.as_f64()?),
        (Value::String(value), Value::String(least)) => {
            let rank = |text: &str| order.iter().position(|o| o == text);
            Some(rank(value)? >= rank(least)?)
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(op: Value, claims: Value) -> Verdict {
        let mut constraint = json!({"query": "q", "path": ["a", "b"]});
        constraint
            .as_object_mut()
            .unwrap()
            .extend(op.as_object().unwrap().clone());
        let constraint = serde_json::from_value(constraint).unwrap();
        evaluate(
            &constraint,
            claims.as_object().unwrap(),
            jiff::civil::date(2026, 11, 23),
        )
    }

    #[test]
    fn expiry_counts_the_whole_last_day_and_the_end_of_a_partial_date() {
        let op = |days: u32| json!({"op": "not_expired_for", "days": days});
        for (date, days, want) in [
            ("2026-11-23", 0, Verdict::Met),
            ("2026-11-22", 0, Verdict::NotMet),
            ("2026-12-23", 30, Verdict::Met),
            ("2026-12-22", 30, Verdict::NotMet),
            ("2026-12", 30, Verdict::Met),
            ("2026", 38, Verdict::Met),
            ("2026", 39, Verdict::NotMet),
            ("someday", 0, Verdict::NotShown),
            ("2026-02-30", 0, Verdict::NotShown),
        ] {
            assert_eq!(
                check(op(days), json!({"a": {"b": date}})),
                want,
                "{date} {days}"
            );
        }
        // A service is declared by somebody else: days beyond the calendar are no date.
        let later = json!({"a": {"b": "2030-01-01"}});
        assert_eq!(check(op(u32::MAX), later), Verdict::NotShown);
        assert_eq!(check(op(0), json!({"a": 1})), Verdict::NotShown);
        assert_eq!(check(op(0), json!({})), Verdict::NotShown);
    }

    #[test]
    fn levels_are_compared_in_their_order_and_numbers_as_numbers() {
        let op = json!({"op": "at_least", "value": "B1", "order": ["A1", "A2", "B1", "B2"]});
        assert_eq!(check(op.clone(), json!({"a": {"b": "B2"}})), Verdict::Met);
        assert_eq!(
            check(op.clone(), json!({"a": {"b": "A2"}})),
            Verdict::NotMet
        );
        assert_eq!(check(op, json!({"a": {"b": "Z9"}})), Verdict::NotShown);
        let op = json!({"op": "at_least", "value": 10});
        assert_eq!(check(op.clone(), json!({"a": {"b": 10}})), Verdict::Met);
        assert_eq!(check(op, json!({"a": {"b": 9.5}})), Verdict::NotMet);
    }
}
