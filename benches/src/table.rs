//! What was promised, what was measured, and whether it was kept.

/// A line is printed as soon as it is known.
#[derive(Default)]
pub struct Table {
    broken: Vec<String>,
}

pub struct Line {
    pub what: String,
    pub under: String,
    pub measured: String,
    pub wanted: String,
    pub kept: bool,
}

impl Line {
    pub fn new(what: &str, under: impl Into<String>, measured: impl Into<String>) -> Line {
        Line { what: what.into(), under: under.into(), measured: measured.into(), wanted: String::new(), kept: false }
    }

    pub fn wants(self, wanted: impl Into<String>, kept: bool) -> Line {
        Line { wanted: wanted.into(), kept, ..self }
    }
}

impl Table {
    pub fn add(&mut self, line: Line) {
        let Line { what, under, measured, wanted, kept } = line;
        println!("{what:41} {under:34} {measured:42} {wanted:17} {}", if kept { "kept" } else { "NOT KEPT" });
        if !kept {
            self.broken.push(format!("{what} ({under})"));
        }
    }

    /// An error when a promise was not kept, or nothing was measured.
    pub fn verdict(self) -> anyhow::Result<()> {
        anyhow::ensure!(self.broken.is_empty(), "not kept: {}", self.broken.join(", "));
        Ok(())
    }
}
