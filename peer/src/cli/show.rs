//! How readings are shown.

use serde_json::json;

use super::args::QueryArgs;
use crate::sdk::DataDir;
use crate::store::{FileMedium, Query, Row, Storage, Store};

pub(super) fn query(args: &QueryArgs) -> anyhow::Result<()> {
    let dir = DataDir::at(&args.place.data_dir);
    // Whoever has no identity here mistyped the directory: do not leave an empty store behind.
    dir.identity()?;
    let (store, _) = Store::open(FileMedium::open(dir.store())?)?;
    let query = Query {
        collection: args.collection.parse()?,
        stream: args.stream.clone(),
        limit: args.limit,
        ..Query::default()
    };
    for row in store.query(&query)? {
        println!("{}", line(&row, args.place.json));
    }
    Ok(())
}

/// One reading as a line: a JSON object, or columns with tabs between them.
pub(super) fn line(row: &Row, as_json: bool) -> String {
    let (time, value) = (row.reading.time.0, row.reading.value);
    if as_json {
        return json!({
            "time_ms": time,
            "value": value,
            "unit": row.unit,
            "collection": row.collection.as_str(),
            "stream": row.stream,
            "author": row.author.to_string(),
            "log": row.log.to_string(),
            "position": row.position,
        })
        .to_string();
    }
    format!("{time}\t{}/{}\t{value} {}\t{}", row.collection, row.stream, row.unit, row.author.short())
}
