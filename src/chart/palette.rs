//! Colours: a perceptually ordered scale for shares, and a few for lines, told apart by everyone.

use super::canvas::Rgb;

/// Text that is read first.
pub const INK: Rgb = (17, 22, 28);
/// Text beside it.
pub const MUTED: Rgb = (82, 96, 109);
/// Axes and marks.
pub const FAINT: Rgb = (154, 165, 177);
/// Grid lines.
pub const GRID: Rgb = (228, 231, 235);
/// Ground of what was not scored.
pub const BLANK: Rgb = (243, 244, 246);
/// Void trials.
pub const VOID: Rgb = (176, 32, 32);
/// A length that was refuted: the vermilion of the lines below.
pub const REFUTED: Rgb = (213, 94, 0);
/// The lengths between which the effective one lies.
pub const CERTIFIED: Rgb = (230, 159, 0);
/// Paper.
pub const WHITE: Rgb = (255, 255, 255);

/// Line colours in the order of the tasks, by Okabe and Ito (2008), who chose them for
/// colour-blind readers; their yellow is left out, because it vanishes on white.
const LINES: [Rgb; 6] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
];

/// The line colour of the nth task.
pub fn line(nth: usize) -> Rgb {
    LINES[nth % LINES.len()]
}

/// Viridis (Smith and van der Walt 2015) at eleven even steps. Its lightness rises evenly, so
/// it keeps its order for colour-blind readers and in grey print.
const VIRIDIS: [Rgb; 11] = [
    (68, 1, 84),
    (72, 37, 118),
    (65, 68, 135),
    (53, 96, 141),
    (42, 120, 142),
    (33, 144, 140),
    (34, 168, 132),
    (67, 191, 113),
    (122, 209, 81),
    (187, 223, 39),
    (253, 231, 37),
];

/// How much white is mixed into the scale: large areas of pure yellow shout.
const SOFTENING: f64 = 0.12;

/// The colour of a share from 0 to 1.
pub fn scale(share: f64) -> Rgb {
    let place = share.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let below = (place as usize).min(VIRIDIS.len() - 2);
    let pure = mixed(VIRIDIS[below], VIRIDIS[below + 1], place - below as f64);
    mixed(pure, WHITE, SOFTENING)
}

/// Ink or white, whichever reads better on a ground: both do equally at a luminance of 0.195.
pub fn contrasting(ground: Rgb) -> Rgb {
    if luminance(ground) > 0.195 {
        INK
    } else {
        WHITE
    }
}

/// Relative luminance by WCAG 2, 0 to 1.
fn luminance((red, green, blue): Rgb) -> f64 {
    let linear = |channel: u8| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

fn mixed(from: Rgb, to: Rgb, share: f64) -> Rgb {
    let channel = |from: u8, to: u8| {
        (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8
    };
    (
        channel(from.0, to.0),
        channel(from.1, to.1),
        channel(from.2, to.2),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader without red (first) or green (second) receptors sees, by the matrices of
    /// Viénot, Brettel and Mollon (1999), on linear light.
    fn seen_by_dichromats(colour: Rgb) -> [[f64; 3]; 2] {
        let linear = |channel: u8| (f64::from(channel) / 255.0).powf(2.2);
        let (r, g, b) = (linear(colour.0), linear(colour.1), linear(colour.2));
        let l = 0.11238 * r + 0.88762 * g;
        let d = 0.29275 * r + 0.70725 * g;
        [
            [l, l, 0.00401 * r - 0.00401 * g + b],
            [d, d, -0.02234 * r + 0.02234 * g + b],
        ]
    }

    #[test]
    fn the_scale_grows_lighter_all_the_way_for_every_reader() {
        for step in 0..100 {
            let (low, high) = (
                scale(f64::from(step) / 100.0),
                scale(f64::from(step + 1) / 100.0),
            );
            assert!(luminance(low) < luminance(high) + 1e-3, "{step}");
            if step % 5 == 0 {
                let high = scale(f64::from(step + 5) / 100.0);
                assert!(luminance(low) < luminance(high), "{step}");
                for (low, high) in seen_by_dichromats(low).iter().zip(seen_by_dichromats(high)) {
                    assert!(low[0] < high[0], "{step}");
                }
            }
        }
        assert_eq!(scale(0.0), mixed(VIRIDIS[0], WHITE, SOFTENING));
        assert_eq!(scale(1.0), mixed(VIRIDIS[10], WHITE, SOFTENING));
        assert_eq!(scale(7.0), scale(1.0));
    }

    #[test]
    fn text_on_every_shade_has_a_contrast_of_at_least_four() {
        for step in 0..=100 {
            let ground = scale(f64::from(step) / 100.0);
            let text = contrasting(ground);
            let (a, b) = (luminance(ground), luminance(text));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.0, "{step}: {contrast:.2}");
        }
    }
}
