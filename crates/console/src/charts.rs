//! Charts as inline SVG, drawn here: no script, no style attribute, colours by the classes of `console.css`. Decoration:
//! beside each stands a table with the same numbers, so the drawing is hidden from screen readers.

use std::fmt::Write as _;

use musubi_httpkit::page::Lang;

/// Most points of one line; more are thinned out.
const MOST_POINTS: usize = 400;
/// Lines that are told apart by colour and dashes.
const STYLES: usize = 6;

/// For which screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Wide,
    Narrow,
}

/// A line over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// `(time, value)`, in the order of time.
    pub(crate) points: Vec<(i64, u64)>,
}

/// A bar with its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: u64,
}

struct Frame {
    width: f64,
    height: f64,
    left: f64,
    top: f64,
    bottom: f64,
    most: u64,
    step: u64,
}

impl Frame {
    fn new(size: Size, most: u64, legend: usize) -> Self {
        let (width, height) = match size {
            Size::Wide => (720.0, 260.0),
            Size::Narrow => (320.0, 220.0),
        };
        let step = tick(most);
        let top = 12.0 + 20.0 * float(legend);
        let height = height + 20.0 * float(legend);
        Self {
            width,
            height,
            left: 64.0,
            top,
            bottom: height - 28.0,
            most: most.div_ceil(step).max(1) * step,
            step,
        }
    }

    fn right(&self) -> f64 {
        self.width - 12.0
    }

    fn y(&self, value: u64) -> f64 {
        self.bottom - (self.bottom - self.top) * ratio(value, self.most)
    }

    fn open(&self, lang: Lang) -> String {
        let (width, height) = (self.width, self.height);
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" aria-hidden=\"true\" focusable=\"false\">"
        );
        let mut value = 0;
        while value <= self.most {
            let (y, left, right) = (self.y(value), self.left, self.right());
            let _ = write!(
                svg,
                "<line class=\"chart-grid\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"chart-text\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 8.0,
                y + 4.0,
                compact(value, lang)
            );
            value += self.step;
        }
        svg
    }
}

/// 32-bit numbers are exact in floating point; a drawing needs no more.
fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How much `part` is of `whole`, to a thousandth of a thousandth: 0 to 1.
fn ratio(part: u64, whole: u64) -> f64 {
    let millionths = u128::from(part.min(whole)) * 1_000_000 / u128::from(whole.max(1));
    f64::from(u32::try_from(millionths).unwrap_or(1_000_000)) / 1_000_000.0
}

/// A round distance (1, 2 or 5 times a power of ten) that divides `most` into at most five.
fn tick(most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if step.saturating_mul(5) >= most {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// `25M`, `2,500万`: for axes, where ticks are round.
pub(crate) fn compact(value: u64, lang: Lang) -> String {
    let units: &[(u64, &str)] = match lang {
        Lang::Ja => &[(100_000_000, "億"), (10_000, "万")],
        Lang::En => &[(1_000_000_000, "G"), (1_000_000, "M"), (1000, "k")],
    };
    for &(unit, sign) in units {
        if value >= unit {
            let tenths = value / (unit / 10);
            let (whole, rest) = (grouped(tenths / 10), tenths % 10);
            return if rest == 0 { format!("{whole}{sign}") } else { format!("{whole}.{rest}{sign}") };
        }
    }
    grouped(value)
}

/// `25,000,000`.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn thinned(points: &[(i64, u64)]) -> Vec<(i64, u64)> {
    let every = points.len().div_ceil(MOST_POINTS).max(1);
    let mut kept: Vec<_> = points.iter().copied().step_by(every).collect();
    // The newest point is the one that matters.
    if let Some(last) = points.last().filter(|last| kept.last() != Some(last)) {
        kept.push(*last);
    }
    kept
}

/// Lines over time; `label` writes a time below the axis. Empty if there is nothing to draw.
pub(crate) fn lines(series: &[Series], label: impl Fn(i64) -> String, size: Size, lang: Lang) -> String {
    let all = || series.iter().flat_map(|line| line.points.iter());
    let (Some(first), Some(last)) = (all().map(|p| p.0).min(), all().map(|p| p.0).max()) else {
        return String::new();
    };
    let most = all().map(|p| p.1).max().unwrap_or(0);
    let frame = Frame::new(size, most, series.len());
    let span = u64::try_from(last.saturating_sub(first)).unwrap_or(0);
    let x = |at: i64| {
        let since = u64::try_from(at.saturating_sub(first)).unwrap_or(0);
        frame.left + (frame.right() - frame.left) * if span == 0 { 0.5 } else { ratio(since, span) }
    };
    let mut svg = frame.open(lang);
    for (n, line) in series.iter().enumerate() {
        let (style, y) = (n % STYLES, 14.0 + 20.0 * float(n));
        let _ = write!(
            svg,
            "<line class=\"chart-line chart-line-{style}\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"chart-text\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            frame.left,
            frame.left + 32.0,
            frame.left + 40.0,
            y + 4.0,
            escaped(&line.name)
        );
        let mut path = String::new();
        for (at, value) in thinned(&line.points) {
            let _ = write!(path, "{:.1},{:.1} ", x(at), frame.y(value));
        }
        let _ =
            write!(svg, "<polyline class=\"chart-line chart-line-{style}\" points=\"{}\"/>", path.trim_end());
        if let Some(&(at, value)) = line.points.last() {
            let (x, y) = (x(at), frame.y(value));
            let _ = write!(
                svg,
                "<circle class=\"chart-dot chart-line-{style}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"
            );
        }
    }
    let y = frame.height - 8.0;
    let _ = write!(
        svg,
        "<text class=\"chart-text\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
        frame.left,
        escaped(&label(first))
    );
    if span > 0 {
        let (right, text) = (frame.right(), escaped(&label(last)));
        let _ = write!(
            svg,
            "<text class=\"chart-text\" x=\"{right:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{text}</text>"
        );
    }
    svg + "</svg>"
}

/// Bars side by side. Empty if there is nothing to draw.
pub(crate) fn bars(bars: &[Bar], size: Size, lang: Lang) -> String {
    let Some(most) = bars.iter().map(|bar| bar.value).max() else { return String::new() };
    let frame = Frame::new(size, most, 0);
    let mut svg = frame.open(lang);
    let place = (frame.right() - frame.left) / float(bars.len());
    let labelled = match size {
        Size::Wide => bars.len().div_ceil(8),
        Size::Narrow => bars.len().div_ceil(4),
    };
    for (n, bar) in bars.iter().enumerate() {
        let (left, y) = (frame.left + place * float(n), frame.y(bar.value));
        let _ = write!(
            svg,
            "<rect class=\"chart-bar\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            left + place * 0.15,
            place * 0.7,
            frame.bottom - y
        );
        // Counted from the newest, which always has its label.
        if (bars.len() - 1 - n).is_multiple_of(labelled.max(1)) {
            // Past the edge a label would be cut off.
            let (middle, y, text) = (left + place / 2.0, frame.height - 8.0, escaped(&bar.label));
            let near_edge = middle + 24.0 > frame.width;
            let (x, anchor) = if near_edge { (frame.width, "end") } else { (middle, "middle") };
            let _ = write!(
                svg,
                "<text class=\"chart-text\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
            );
        }
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_is_divided_at_round_numbers_into_at_most_five() {
        for (most, step) in
            [(0, 1), (1, 1), (5, 1), (6, 2), (11, 5), (26, 10), (25_000_000, 5_000_000), (u64::MAX, u64::MAX)]
        {
            let found = tick(most);
            assert!(found.saturating_mul(5) >= most && most.div_ceil(found) <= 5, "{most}: {found}");
            if most < u64::MAX {
                assert_eq!(found, step, "{most}");
            }
        }
    }

    #[test]
    fn numbers_are_grouped_and_shortened_as_each_language_reads_them() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(compact(25_000_000, Lang::En), "25M");
        assert_eq!(compact(25_000_000, Lang::Ja), "2,500万");
        assert_eq!(compact(150_000_000, Lang::Ja), "1.5億");
        assert_eq!(compact(500, Lang::Ja), "500");
    }

    #[test]
    fn a_line_rises_with_its_values_and_a_name_cannot_become_markup() {
        let series = [Series { name: "</text><script>".into(), points: vec![(0, 0), (50, 5), (100, 10)] }];
        let svg = lines(&series, |at| at.to_string(), Size::Wide, Lang::En);
        assert!(svg.contains("points=\"64.0,252.0 386.0,142.0 708.0,32.0\""), "{svg}");
        assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;"));
        assert!(!svg.contains("style="), "the content security policy forbids it");
        assert_eq!(lines(&[], |at| at.to_string(), Size::Wide, Lang::En), "");
    }

    #[test]
    fn a_line_of_many_points_is_thinned_and_keeps_its_newest() {
        let points: Vec<(i64, u64)> = (0..100_003).map(|n| (n, 1)).collect();
        let kept = thinned(&points);
        assert!(kept.len() <= MOST_POINTS + 1);
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
    }

    #[test]
    fn the_tallest_bar_reaches_its_value_and_an_empty_one_has_no_height() {
        let bar = |label: &str, value| Bar { label: label.into(), value };
        let svg = bars(&[bar("a", 0), bar("b", 5)], Size::Narrow, Lang::Ja);
        assert!(svg.contains("height=\"0.0\"") && svg.contains("height=\"180.0\""), "{svg}");
        assert_eq!(bars(&[], Size::Wide, Lang::Ja), "");
    }
}
