//! What the end of a parquet file says: its columns, and where the parts of each lie.
//!
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>

use super::thrift::Thrift;
use anyhow::{Context as _, Result, bail, ensure};

/// Rows that a test set may have; a file that claims more is broken.
const MOST_ROWS: u64 = 1_000_000;
/// Entries that the lists of a column may have in a group of rows.
const MOST_VALUES: u64 = 10_000_000;

/// How the values of a column are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Physical {
    Bool,
    Int32,
    Int64,
    Float,
    Double,
    Bytes,
}

/// A column at the top of the table.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    /// What it holds; none where it is of a kind or a nesting that is not read.
    pub leaf: Option<Leaf>,
    /// How many of the stored columns are part of it.
    leaves: usize,
}

/// The values of a column.
#[derive(Clone, Copy, Debug)]
pub struct Leaf {
    pub physical: Physical,
    /// Whether a row holds a list of values.
    pub repeated: bool,
    /// Definition level of a value that is there.
    pub defined: u8,
    /// Definition level from which a list has an entry, which may be null.
    pub entered: u8,
}

/// Some rows of the table.
#[derive(Clone, Debug)]
pub struct Group {
    pub rows: u64,
    /// The parts of all columns, in the order of [`Layout::columns`]; none where a column is not
    /// read.
    pub chunks: Vec<Option<Chunk>>,
}

/// The part of a column that a group has.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub offset: u64,
    pub bytes: u64,
    pub codec: i64,
    pub values: u64,
}

/// The table.
#[derive(Clone, Debug)]
pub struct Layout {
    pub columns: Vec<Column>,
    pub groups: Vec<Group>,
}

impl Layout {
    /// Reads the metadata at the end of a file of `file_bytes`.
    pub fn read(footer: &[u8], file_bytes: u64) -> Result<Layout> {
        let (footer, _) = Thrift::read(footer)?;
        let columns = columns(footer.list(2))?;
        let mut groups = Vec::new();
        let mut rows = 0;
        for group in footer.list(4) {
            let group = self::group(group, &columns, file_bytes)?;
            rows = group.rows.saturating_add(rows);
            ensure!(rows <= MOST_ROWS, "it claims more than {MOST_ROWS} rows");
            groups.push(group);
        }
        Ok(Layout { columns, groups })
    }
}

/// The columns at the top of a schema, which is a tree written from its root downwards.
fn columns(schema: &[Thrift]) -> Result<Vec<Column>> {
    let root = schema.first().context("it has no schema")?;
    let mut at = 1;
    let mut columns = Vec::new();
    for _ in 0..root.size(5).unwrap_or(0) {
        let element = schema.get(at).context("its schema is cut")?;
        let name = element.text(4).context("a column has no name")?;
        let mut branch = Branch::default();
        let end = branch.walk(schema, at, 0)?;
        let leaf = match branch.leaves.as_slice() {
            [leaf] => *leaf,
            _ => None,
        };
        columns.push(Column {
            name,
            leaf,
            leaves: branch.leaves.len(),
        });
        at = end;
    }
    Ok(columns)
}

/// What lies below a column.
#[derive(Default)]
struct Branch {
    leaves: Vec<Option<Leaf>>,
    defined: u8,
    repeated: u8,
    entered: u8,
}

impl Branch {
    /// Walks an element and all below it; tells where the next begins.
    fn walk(&mut self, schema: &[Thrift], at: usize, depth: usize) -> Result<usize> {
        const DEEPEST: usize = 16;
        ensure!(depth < DEEPEST, "its schema is nested too deeply");
        let element = schema.get(at).context("its schema is cut")?;
        let above = (self.defined, self.repeated, self.entered);
        match element.int(3) {
            Some(1) => self.defined += 1,
            Some(2) => {
                self.defined += 1;
                self.repeated += 1;
                self.entered = self.defined;
            }
            _ => {}
        }
        let children = element.int(5).unwrap_or(0);
        let mut next = at + 1;
        if children <= 0 {
            self.leaves.push(self.leaf(element));
        }
        for _ in 0..children.max(0) {
            next = self.walk(schema, next, depth + 1)?;
        }
        (self.defined, self.repeated, self.entered) = above;
        Ok(next)
    }

    fn leaf(&self, element: &Thrift) -> Option<Leaf> {
        let physical = match element.int(1)? {
            0 => Physical::Bool,
            1 => Physical::Int32,
            2 => Physical::Int64,
            4 => Physical::Float,
            5 => Physical::Double,
            6 => Physical::Bytes,
            _ => return None,
        };
        (self.repeated <= 1).then_some(Leaf {
            physical,
            repeated: self.repeated == 1,
            defined: self.defined,
            entered: self.entered,
        })
    }
}

fn group(group: &Thrift, columns: &[Column], file_bytes: u64) -> Result<Group> {
    let rows = group.size(3)?;
    let stored = group.list(1);
    let mut at = 0;
    let mut chunks = Vec::new();
    for column in columns {
        let chunk = stored.get(at);
        at += column.leaves;
        chunks.push(match (column.leaf, chunk) {
            (None, _) => None,
            (Some(_), Some(chunk)) => Some(self::chunk(chunk, file_bytes)?),
            (Some(_), None) => bail!("the column `{}` is missing", column.name),
        });
    }
    Ok(Group { rows, chunks })
}

fn chunk(chunk: &Thrift, file_bytes: u64) -> Result<Chunk> {
    ensure!(chunk.field(1).is_none(), "a column lies in another file");
    let metadata = chunk.field(3).context("a column is encrypted")?;
    let data = metadata.size(9)?;
    // A dictionary, where there is one, comes before the data; some writers leave the offset 0.
    let dictionary = metadata.size(11).ok().filter(|offset| *offset > 0);
    let offset = dictionary.map_or(data, |dictionary| dictionary.min(data));
    let bytes = metadata.size(7)?;
    let within = offset
        .checked_add(bytes)
        .is_some_and(|end| end <= file_bytes);
    ensure!(within, "a column ends behind the end of the file");
    let values = metadata.size(5)?;
    ensure!(
        values <= MOST_VALUES,
        "a column claims more than {MOST_VALUES} values"
    );
    Ok(Chunk {
        offset,
        bytes,
        codec: metadata.size(4)? as i64,
        values,
    })
}
