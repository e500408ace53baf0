//! Median and range of a series of figures.

use serde::Serialize;

/// The median, minimum and maximum of a series.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Summary {
    /// `None` for an empty series.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (min, max) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let median = match figures.len() % 2 {
            1 => figures[middle],
            _ => f64::midpoint(figures[middle - 1], figures[middle]),
        };
        Some(Self { median, min, max })
    }
}

/// The median of the figures that are present.
pub(crate) fn median(figures: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    Summary::of(figures.into_iter().flatten()).map(|summary| summary.median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_the_median_and_not_the_mean() {
        let summary = Summary::of([1.0, 100.0, 3.0]).unwrap();
        assert_eq!(
            (summary.median, summary.min, summary.max),
            (3.0, 1.0, 100.0)
        );
        assert_eq!(median([Some(1.0), None, Some(2.0)]), Some(1.5));
        assert_eq!(Summary::of([]), None);
    }
}
