//! Markup, built so that nobody's text becomes part of it.

use serde::Serialize;

/// A piece of a page. Markup comes from this program's source only; everything else is text, and is escaped.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of our own.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, between tags or inside a quoted attribute.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // HTML has no such characters, not even as references.
                '\0'..='\x08' | '\x0b'..='\x1f' | '\x7f' => self.0.push('\u{fffd}'),
                _ => self.0.push(character),
            }
        }
        self
    }

    /// Data for a script, to stand in an element of its own that is not run. In JSON these characters are found inside of
    /// strings only, where they may as well be written by their number.
    pub(super) fn data(&mut self, data: &impl Serialize) -> &mut Self {
        let json = serde_json::to_string(data).expect("numbers and texts can be written as JSON");
        self.0.push_str(&json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"));
        self
    }

    /// A table, in a frame that scrolls where it is too narrow.
    pub(super) fn table(&mut self, head: &[Head], rows: impl IntoIterator<Item = Vec<Cell>>) -> &mut Self {
        self.raw("<div class=\"scroll\"><table><thead><tr>");
        for Head { name, number } in head {
            self.raw(if *number { "<th scope=\"col\" class=\"number\">" } else { "<th scope=\"col\">" });
            self.text(name).raw("</th>");
        }
        self.raw("</tr></thead><tbody>");
        for row in rows {
            self.raw("<tr>");
            for (cell, Head { number, .. }) in row.iter().zip(head) {
                self.raw(if *number { "<td class=\"number\">" } else { "<td>" });
                self.cell(cell).raw("</td>");
            }
            self.raw("</tr>");
        }
        self.raw("</tbody></table></div>")
    }

    fn cell(&mut self, cell: &Cell) -> &mut Self {
        match cell {
            Cell::Text(text) => self.text(text),
            Cell::Mark(true) => self.raw("<span class=\"mark good\">held</span>"),
            Cell::Mark(false) => self.raw("<span class=\"mark bad\">broken</span>"),
            Cell::Unsaid(text) => self.raw("<span class=\"soft\">").text(text).raw("</span>"),
            Cell::Bad(text) => self.raw("<strong class=\"bad\">").text(text).raw("</strong>"),
            Cell::Lines(lines) => {
                for line in lines {
                    self.raw("<span class=\"each\">").text(line).raw("</span>");
                }
                self
            }
            Cell::Bar(text, share) => {
                let percent = share.clamp(0.0, 1.0) * 100.0;
                self.text(text).raw("<span class=\"bar\"><span style=\"width:");
                self.text(&format!("{percent:.1}")).raw("%\"></span></span>")
            }
        }
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// The head of a column.
pub(super) struct Head {
    name: &'static str,
    number: bool,
}

/// A column of words.
pub(super) fn words(name: &'static str) -> Head {
    Head { name, number: false }
}

/// A column of numbers, which are set to the right.
pub(super) fn number(name: &'static str) -> Head {
    Head { name, number: true }
}

/// What stands in a cell.
pub(super) enum Cell {
    /// Just that.
    Text(String),
    /// Whether something held.
    Mark(bool),
    /// Something of little weight.
    Unsaid(String),
    /// Something that should not be.
    Bad(String),
    /// One below the other.
    Lines(Vec<String>),
    /// With a bar below that shows the share, from 0 to 1.
    Bar(String, f64),
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let mut html = Html::default();
        html.raw("<p title=\"").text("\" onclick='x' & <b>\0").raw("\">");
        assert_eq!(html.into_string(), "<p title=\"&quot; onclick=&#39;x&#39; &amp; &lt;b&gt;\u{fffd}\">");
    }

    #[test]
    fn data_ends_no_element() {
        let mut html = Html::default();
        let names = ["</script>", "<!--", "&lt;", "\u{2028}"];
        html.data(&names);
        let text = html.into_string();
        assert!(!text.contains(['<', '>', '&']), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), names);
    }
}
