//! What one pass over the html finds out. The rules read it; `reader` fills it.

use std::borrow::Cow;
use std::ops::Range;

use super::reader;
use super::style::Hiding;
use super::visible::Visible;
use crate::link::Link;

/// Places of one kind of oddity that are kept; further ones are counted.
const SPOTS_PER_KIND_MAX: usize = 8;

/// Things that stand at a place and need no more than that to be told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    Script,
    EventHandler,
    Form,
    PasswordField,
    Frame,
    PluginContent,
    MetaRefresh,
    BaseTag,
    ExternalSheet,
    /// Closed by an end tag of an element around it.
    Misnested,
    /// Never closed.
    Unclosed,
    /// A comment in the middle of a word.
    SplitWord,
    Moving,
    /// An element deeper than mail programs are built for.
    TooDeep,
    HeadingSkipped,
    LayoutTable,
    /// Sound or film.
    Media,
    /// A drawing in the source.
    Drawing,
    /// Something to fill in.
    Field,
    ImageMap,
    /// `font` and the like, which styles have replaced.
    OldLook,
    /// What opens when it is clicked.
    Interactive,
    /// A link that begins inside another.
    NestedLink,
    /// A second `body`.
    SecondBody,
    /// Placed by coordinates.
    Positioned,
    /// Laid out by flexbox or grid.
    FlexLayout,
    BackgroundImage,
    NegativeMargin,
    StyleVariable,
    /// `@import` in a style sheet.
    StyleImport,
    /// A style sheet beyond what is kept.
    LargeSheet,
}

const SPOT_KINDS: usize = Spot::LargeSheet as usize + 1;

/// A page and what is on it. Ranges are bytes of the source unless said otherwise.
pub(crate) struct Page<'h> {
    pub(crate) html: &'h str,
    pub(crate) visible: Visible,
    pub(crate) hidden: Vec<HiddenText>,
    pub(crate) links: Vec<Link<'h>>,
    pub(crate) images: Vec<Image<'h>>,
    pub(crate) declares: Declarations,
    /// Whether anything says that this is a page or parts of one, rather than text in an html part.
    pub(crate) is_document: bool,
    spots: [Vec<Range<usize>>; SPOT_KINDS],
    further: [usize; SPOT_KINDS],
}

/// What a page says of itself.
#[derive(Default)]
pub(crate) struct Declarations {
    pub(crate) doctype: bool,
    pub(crate) language: bool,
    pub(crate) title: bool,
}

/// Text that is in the source and not on the screen.
pub(crate) struct HiddenText {
    pub(crate) hiding: Hiding,
    pub(crate) range: Range<usize>,
    /// Letters and digits in it.
    pub(crate) letters: usize,
    /// Whether it stands before all visible text, where mail programs take the preview from.
    pub(crate) leads: bool,
}

/// An `img`.
pub(crate) struct Image<'h> {
    /// The tag.
    pub(crate) range: Range<usize>,
    pub(crate) source: Cow<'h, str>,
    /// `None` when there is no `alt`; empty when it says that the image is decoration.
    pub(crate) alt: Option<Cow<'h, str>>,
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
}

impl Image<'_> {
    /// One pixel, or none: it is there to be loaded, not to be seen.
    pub(crate) fn is_pixel(&self) -> bool {
        self.width.is_some_and(|width| width <= 1) && self.height.is_some_and(|height| height <= 1)
    }
}

impl<'h> Page<'h> {
    pub(crate) fn read(html: &'h str) -> Page<'h> {
        reader::read(html)
    }

    pub(super) fn empty(html: &'h str) -> Page<'h> {
        Page {
            html,
            visible: Visible::default(),
            hidden: Vec::new(),
            links: Vec::new(),
            images: Vec::new(),
            declares: Declarations::default(),
            is_document: false,
            spots: Default::default(),
            further: [0; SPOT_KINDS],
        }
    }

    /// The first places where an oddity stands, and how many more there are.
    pub(crate) fn spots(&self, spot: Spot) -> (&[Range<usize>], usize) {
        (&self.spots[spot as usize], self.further[spot as usize])
    }

    /// How often an oddity stands on the page.
    pub(crate) fn count(&self, spot: Spot) -> usize {
        self.spots[spot as usize].len() + self.further[spot as usize]
    }

    pub(super) fn mark(&mut self, spot: Spot, range: Range<usize>) {
        let places = &mut self.spots[spot as usize];
        if places.last() == Some(&range) {
            return;
        }
        if places.len() < SPOTS_PER_KIND_MAX {
            places.push(range);
        } else {
            self.further[spot as usize] += 1;
        }
    }

    /// Images that are there to be seen.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = &Image<'h>> {
        self.images.iter().filter(|image| !image.is_pixel())
    }
}
