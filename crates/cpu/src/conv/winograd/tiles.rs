//! Where tiles lie: numbered over the rows of tiles of all images, in blocks.

use std::mem::MaybeUninit;

use super::super::geometry::{Planes, inside};
use super::transforms::{POINTS, TILE};
use crate::View;

/// A tile of a block.
#[derive(Clone, Copy)]
pub struct Place {
    /// Where its inputs begin in the block's band.
    pub from: usize,
    pub image: usize,
    /// Its first output, and how many of its rows and columns there are.
    at: [usize; 2],
    size: [usize; 2],
}

/// Where the rows of four tiles go: the first one's address, and how far the next ones are.
pub type Rows = [(*mut f32, isize); 4];

/// Room for tiles whose rows cannot be written where they belong: those at the ends of an image.
pub struct Aside(MaybeUninit<[[f32; TILE * TILE]; 4]>);

impl Aside {
    #[inline(always)]
    pub fn new() -> Aside {
        Aside(MaybeUninit::uninit())
    }

    /// Where to write four tiles of which `count` exist; `to` is the channel of the first image.
    #[inline(always)]
    pub fn rows(&mut self, places: &[Place; 4], count: usize, to: *mut f32, image: isize, strides: [isize; 2]) -> Rows {
        let aside: *mut f32 = self.0.as_mut_ptr().cast();
        std::array::from_fn(|i| {
            if i < count && places[i].is_whole(strides) {
                (places[i].output(to, image, strides), strides[0])
            } else {
                (aside.wrapping_add(i * TILE * TILE), TILE as isize)
            }
        })
    }

    /// Writes what `rows` took aside.
    ///
    /// # Safety
    /// The rows that it named are written.
    #[inline(always)]
    pub unsafe fn write(&self, places: &[Place; 4], count: usize, to: *mut f32, image: isize, strides: [isize; 2]) {
        for (i, place) in places.iter().enumerate().take(count) {
            if !place.is_whole(strides) {
                let from = unsafe { self.0.as_ptr().cast::<f32>().add(i * TILE * TILE) };
                unsafe { place.copy(from, place.output(to, image, strides), strides) };
            }
        }
    }
}

impl Place {
    /// Its row of tiles, of `rows` an image.
    pub fn row(&self, rows: usize) -> usize {
        self.image * rows + self.at[0] / TILE
    }

    #[inline(always)]
    fn is_whole(&self, strides: [isize; 2]) -> bool {
        self.size == [TILE; 2] && strides[1] == 1
    }

    /// The address of the tile's first output.
    #[inline(always)]
    fn output(&self, to: *mut f32, image: isize, strides: [isize; 2]) -> *mut f32 {
        let at = self.image as isize * image + self.at[0] as isize * strides[0] + self.at[1] as isize * strides[1];
        to.wrapping_offset(at)
    }

    unsafe fn copy(&self, from: *const f32, to: *mut f32, strides: [isize; 2]) {
        let columns = self.size[1];
        for r in 0..self.size[0] {
            unsafe {
                let (from, to) = (from.add(r * TILE), to.wrapping_offset(r as isize * strides[0]));
                if strides[1] != 1 {
                    for c in 0..columns {
                        *to.wrapping_offset(c as isize * strides[1]) = *from.add(c);
                    }
                    continue;
                }
                if columns & 2 != 0 {
                    to.cast::<[f32; 2]>().write_unaligned(from.cast::<[f32; 2]>().read_unaligned());
                }
                if columns & 1 != 0 {
                    *to.add(columns - 1) = *from.add(columns - 1);
                }
                if columns == TILE {
                    to.cast::<[f32; TILE]>().write_unaligned(from.cast::<[f32; TILE]>().read_unaligned());
                }
            }
        }
    }
}

/// How images are cut into tiles.
#[derive(Clone, Copy)]
pub struct Places {
    input: [usize; 2],
    output: [usize; 2],
    /// Where the first tile's inputs begin: before the first one where there is padding.
    start: [isize; 2],
    /// Rows and columns of tiles.
    tiles: [usize; 2],
}

/// The inputs that a block of tiles reads: bands of rows, with the zeros around them, one for each image.
pub struct Band {
    places: Places,
    /// The first row of tiles over all images, and how many.
    first: usize,
    rows: usize,
    pub width: usize,
    /// Tiles with the ones that fill the last panel.
    pub tiles: usize,
}

impl Places {
    pub fn new(input: [usize; 2], output: [usize; 2], start: [isize; 2]) -> Places {
        Places { input, output, start, tiles: output.map(|n| n.div_ceil(TILE)) }
    }

    /// Rows of tiles of an image.
    pub fn rows(&self) -> usize {
        self.tiles[0]
    }

    /// Tiles of an image.
    pub fn count(&self) -> usize {
        self.tiles[0] * self.tiles[1]
    }

    fn width(&self) -> usize {
        self.tiles[1] * TILE + POINTS - TILE
    }

    /// Elements of the band of any block of so many tiles.
    pub fn band(&self, tiles: usize) -> usize {
        let [high, wide] = self.tiles;
        if high * wide == 0 {
            return 0;
        }
        // A block may begin and end inside a row of tiles, and each of its images has rows above its tiles' own.
        let rows = (tiles - 1) / wide + 2;
        let images = (rows - 1) / high + 2;
        (rows * TILE + images * (POINTS - TILE)) * self.width()
    }

    /// Elements of the band before row `row` of tiles, where the band begins with row `first`.
    fn start(&self, first: usize, row: usize) -> usize {
        let images = row / self.tiles[0] - first / self.tiles[0];
        ((row - first) * TILE + images * (POINTS - TILE)) * self.width()
    }

    /// Lists tiles `first` to `first + count`, and the last one again up to `room` (whole panels).
    pub unsafe fn block(&self, first: usize, count: usize, room: usize, to: *mut Place) -> Band {
        let [high, wide] = self.tiles;
        let row = first / wide;
        for i in 0..room {
            let t = first + i.min(count - 1);
            let (r, c) = (t / wide, t % wide);
            let at = [r % high * TILE, c * TILE];
            let size = std::array::from_fn(|d| TILE.min(self.output[d] - at[d]));
            let from = self.start(row, r) + c * TILE;
            unsafe { to.add(i).write(Place { from, image: r / high, at, size }) };
        }
        let rows = (first + count - 1) / wide - row + 1;
        Band { places: *self, first: row, rows, width: self.width(), tiles: room }
    }
}

impl Band {
    /// Zeros where no channel has elements, and elsewhere.
    pub unsafe fn clear(&self, to: *mut f32) {
        let elements = self.places.start(self.first, self.first + self.rows - 1) + POINTS * self.width;
        unsafe { to.write_bytes(0, elements) };
    }

    /// Copies a channel's rows into a cleared band.
    pub unsafe fn fill(&self, x: &View, channel: usize, to: *mut f32) {
        let high = self.places.tiles[0];
        let mut row = self.first;
        let end = self.first + self.rows;
        while row < end {
            let (image, from) = (row / high, row % high);
            let rows = (high - from).min(end - row);
            let source = Planes::<f32>::of(x, image, channel);
            let input = [1, self.places.input[0], self.places.input[1]];
            let sizes = [1, rows * TILE + POINTS - TILE, self.width];
            let [h, w] = self.places.start;
            let shift = [0, (from * TILE) as isize + h, w];
            unsafe { inside(&source, input, 1, sizes, shift, to.add(self.places.start(self.first, row))) };
            row += rows;
        }
    }
}
