//! A sheet to draw on in pixels: plotters writes the SVG, usvg turns text into paths, resvg paints it.

use super::Picture;
use super::font::{self, Weight};
use super::script::{Run, runs};
use anyhow::{Context as _, Result, anyhow};
use plotters::prelude::{DrawingBackend, RGBColor, SVGBackend, ShapeStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontDesc, FontFamily, FontStyle, FontTransform, TextStyle};
use resvg::{tiny_skia, usvg};

/// plotters counts in whole units; a unit is this part of a pixel, so that lines lie where
/// they belong.
const UNITS_PER_PX: f64 = 20.0;

/// Pixels of the PNG per pixel of the picture: sharp on dense screens and in print.
const PNG_SCALE: f32 = 2.0;
/// The same for pictures larger than [`LARGE_PX`], which are sharp enough and slow to compress.
const LARGE_PNG_SCALE: f32 = 1.5;
/// Area in square pixels.
const LARGE_PX: f32 = 700_000.0;

/// A colour: red, green, blue.
pub type Rgb = (u8, u8, u8);

/// Where a text's position is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// At its beginning.
    Start,
    /// At its middle.
    Middle,
    /// At its end.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// Size in pixels.
    pub size_px: f64,
    /// Weight.
    pub weight: Weight,
    /// Colour.
    pub colour: Rgb,
}

impl Type {
    /// A regular face.
    pub const fn regular(size_px: f64, colour: Rgb) -> Type {
        Type {
            size_px,
            weight: Weight::Regular,
            colour,
        }
    }

    /// A bold face.
    pub const fn bold(size_px: f64, colour: Rgb) -> Type {
        Type {
            size_px,
            weight: Weight::Bold,
            colour,
        }
    }

    /// Width of a text in this type, in pixels.
    pub fn width_px(&self, text: &str) -> Result<f64> {
        font::width_px(text, self.size_px, self.weight)
    }

    /// A text in this type that is at most `room_px` wide.
    pub fn shortened(&self, text: &str, room_px: f64) -> Result<String> {
        font::shortened(text, self.size_px, self.weight, room_px)
    }
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Frame {
    /// The right edge.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// The lower edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }
}

/// What is drawn on. Positions are pixels from the upper left corner.
pub struct Canvas<'a> {
    backend: SVGBackend<'a>,
}

impl Canvas<'_> {
    /// A filled rectangle.
    pub fn rectangle(&mut self, frame: Frame, colour: Rgb) -> Result<()> {
        let corners = (unit(frame.x, frame.y), unit(frame.right(), frame.bottom()));
        let drawn = self
            .backend
            .draw_rect(corners.0, corners.1, &fill(colour, 1.0), true);
        drawn.map_err(|error| anyhow!("drawing a rectangle: {error}"))
    }

    /// A filled polygon.
    pub fn polygon(&mut self, corners: &[(f64, f64)], colour: Rgb, alpha: f64) -> Result<()> {
        let corners = corners.iter().map(|(x, y)| unit(*x, *y));
        let drawn = self.backend.fill_polygon(corners, &fill(colour, alpha));
        drawn.map_err(|error| anyhow!("drawing a polygon: {error}"))
    }

    /// A filled disc.
    pub fn disc(&mut self, x: f64, y: f64, radius_px: f64, colour: Rgb) -> Result<()> {
        let radius = (radius_px * UNITS_PER_PX).round() as u32;
        let drawn = self
            .backend
            .draw_circle(unit(x, y), radius, &fill(colour, 1.0), true);
        drawn.map_err(|error| anyhow!("drawing a disc: {error}"))
    }

    /// A line through points.
    pub fn line(&mut self, points: &[(f64, f64)], width_px: f64, colour: Rgb) -> Result<()> {
        let style = ShapeStyle {
            stroke_width: (width_px * UNITS_PER_PX).round() as u32,
            ..fill(colour, 1.0)
        };
        let drawn = self
            .backend
            .draw_path(points.iter().map(|(x, y)| unit(*x, *y)), &style);
        drawn.map_err(|error| anyhow!("drawing a line: {error}"))
    }

    /// A dashed straight line.
    pub fn dashes(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        width_px: f64,
        colour: Rgb,
    ) -> Result<()> {
        const DASH_PX: f64 = 5.0;
        const GAP_PX: f64 = 4.0;
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let at = |done: f64| {
            let share = (done / length).min(1.0);
            (
                from.0 + share * (to.0 - from.0),
                from.1 + share * (to.1 - from.1),
            )
        };
        let mut done = 0.0;
        while done < length {
            self.line(&[at(done), at(done + DASH_PX)], width_px, colour)?;
            done += DASH_PX + GAP_PX;
        }
        Ok(())
    }

    /// A rectangle filled with slanted lines.
    pub fn hatching(&mut self, frame: Frame, ground: Rgb, lines: Rgb) -> Result<()> {
        const STEP_PX: f64 = 6.0;
        self.rectangle(frame, ground)?;
        // A line joins the points of one sum of x and y, measured from the corner.
        let mut sum = STEP_PX / 2.0;
        while sum < frame.width + frame.height {
            let low = ((sum - frame.height).max(0.0), sum.min(frame.height));
            let high = (sum.min(frame.width), (sum - frame.width).max(0.0));
            let at = |(x, y): (f64, f64)| (frame.x + x, frame.y + y);
            self.line(&[at(low), at(high)], 0.8, lines)?;
            sum += STEP_PX;
        }
        Ok(())
    }

    /// A line of text; `y` is its baseline.
    pub fn text(&mut self, text: &str, x: f64, y: f64, anchor: Anchor, look: Type) -> Result<()> {
        self.write(text, x, y, anchor, look, FontTransform::None)
    }

    /// A line of text that reads upwards; `x` is its baseline.
    pub fn text_upwards(&mut self, text: &str, x: f64, y: f64, look: Type) -> Result<()> {
        self.write(text, x, y, Anchor::Middle, look, FontTransform::Rotate270)
    }

    fn write(
        &mut self,
        text: &str,
        x: f64,
        y: f64,
        anchor: Anchor,
        look: Type,
        transform: FontTransform,
    ) -> Result<()> {
        let text = font::drawable(text);
        let runs = runs(&text);
        if let [Run::Letters { text, family }] = runs.as_slice() {
            return self.place(text, family, (x, y), anchor, look, transform);
        }
        let whole_px = look.width_px(&text)?;
        let mut before_px = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -whole_px / 2.0,
            Anchor::End => -whole_px,
        };
        for run in &runs {
            if let Run::Letters { text, family } = run {
                let at = match transform {
                    FontTransform::None => (x + before_px, y),
                    _ => (x, y - before_px),
                };
                self.place(text, family, at, Anchor::Start, look, transform.clone())?;
            }
            before_px += font::run_width_px(run, look.size_px, look.weight)?;
        }
        Ok(())
    }

    /// Letters of one font.
    fn place(
        &mut self,
        text: &str,
        family: &str,
        (x, y): (f64, f64),
        anchor: Anchor,
        look: Type,
        transform: FontTransform,
    ) -> Result<()> {
        // plotters' SVG writer divides a size by this and puts the baseline of a text that
        // hangs from its top 0.76 em below the position; both are undone here.
        const SIZE_DIVISOR: f64 = 1.24;
        const TOP_TO_BASELINE_EM: f64 = 0.76;
        let size = look.size_px * UNITS_PER_PX;
        let style = match look.weight {
            Weight::Regular => FontStyle::Normal,
            Weight::Bold => FontStyle::Bold,
        };
        let font = FontDesc::new(FontFamily::Name(family), size * SIZE_DIVISOR, style);
        let h_pos = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let rise = TOP_TO_BASELINE_EM * look.size_px;
        let position = match transform {
            FontTransform::None => unit(x, y - rise),
            _ => unit(x - rise, y),
        };
        let style = TextStyle {
            font: font.transform(transform),
            color: colour_of(look.colour).to_backend_color(),
            pos: Pos::new(h_pos, VPos::Top),
        };
        let drawn = self.backend.draw_text(text, &style, position);
        drawn.map_err(|error| anyhow!("drawing text: {error}"))
    }
}

/// A finished drawing whose text is still text.
pub struct Drawing {
    /// The SVG as plotters writes it.
    pub source: String,
    /// What it shows, in words, for those who cannot see it.
    label: String,
}

impl Drawing {
    /// Draws on white paper of `width` by `height` pixels.
    pub fn new(
        (width, height): (f64, f64),
        label: String,
        content: impl FnOnce(&mut Canvas<'_>) -> Result<()>,
    ) -> Result<Drawing> {
        let (width, height) = (width.ceil(), height.ceil());
        let units = |px: f64| (px * UNITS_PER_PX) as u32;
        let mut written = String::new();
        let mut canvas = Canvas {
            backend: SVGBackend::with_string(&mut written, (units(width), units(height))),
        };
        let paper = Frame {
            x: 0.0,
            y: 0.0,
            width,
            height,
        };
        canvas.rectangle(paper, (255, 255, 255))?;
        content(&mut canvas)?;
        let ended = canvas.backend.present();
        ended.map_err(|error| anyhow!("writing SVG: {error}"))?;
        drop(canvas);
        // The size in pixels, the inside in units.
        let whole = format!("width=\"{}\" height=\"{}\"", units(width), units(height));
        let source = written.replacen(&whole, &format!("width=\"{width}\" height=\"{height}\""), 1);
        Ok(Drawing { source, label })
    }

    /// Turns text into paths and paints the drawing.
    pub fn picture(&self) -> Result<Picture> {
        let tree = usvg::Tree::from_str(&self.source, &font::options())
            .context("the drawing is not valid SVG")?;
        let written = tree.to_string(&usvg::WriteOptions {
            // Of units, of which twenty are a pixel.
            coordinates_precision: 1,
            indent: usvg::Indent::None,
            ..usvg::WriteOptions::default()
        });
        let label = font::escape(&font::drawable(&self.label));
        // A view box, so that the picture can be scaled where it is embedded.
        let (width, height) = (tree.size().width(), tree.size().height());
        let opening =
            format!("<svg role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {width} {height}\" ");
        let svg = written.replacen("<svg ", &opening, 1);
        Ok(Picture {
            svg,
            png: paint(&tree)?,
        })
    }
}

/// PNG of an SVG.
pub fn paint(tree: &usvg::Tree) -> Result<Vec<u8>> {
    let area = tree.size().width() * tree.size().height();
    let scale = if area > LARGE_PX {
        LARGE_PNG_SCALE
    } else {
        PNG_SCALE
    };
    let size = tree.size().to_int_size().scale_by(scale);
    let size = size.context("the picture has no size")?;
    let pixels = tiny_skia::Pixmap::new(size.width(), size.height());
    let mut pixels = pixels.context("the picture has no size")?;
    let transform = tiny_skia::Transform::from_scale(scale, scale);
    resvg::render(tree, transform, &mut pixels.as_mut());
    // Everything is drawn on white paper: no pixel is transparent.
    let rgb: Vec<u8> = pixels
        .pixels()
        .iter()
        .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
        .collect();
    let mut written = Vec::new();
    let mut encoder = png::Encoder::new(&mut written, size.width(), size.height());
    encoder.set_color(png::ColorType::Rgb);
    // The best compression takes longer than drawing all the rest.
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().context("writing PNG")?;
    writer.write_image_data(&rgb).context("writing PNG")?;
    writer.finish().context("writing PNG")?;
    Ok(written)
}

fn unit(x: f64, y: f64) -> (i32, i32) {
    (
        (x * UNITS_PER_PX).round() as i32,
        (y * UNITS_PER_PX).round() as i32,
    )
}

fn colour_of((red, green, blue): Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}

fn fill(colour: Rgb, alpha: f64) -> ShapeStyle {
    ShapeStyle {
        color: colour_of(colour).mix(alpha),
        filled: true,
        stroke_width: 0,
    }
}
