//! Answers that are asked for once, however many callers wait for them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use super::{Error, lock};

type Cell<V> = Arc<OnceCell<Result<V, Error>>>;

/// A table of answers, failures included.
pub(super) struct Once<K, V> {
    cells: Mutex<HashMap<K, Cell<V>>>,
}

impl<K: Eq + Hash, V: Clone> Once<K, V> {
    /// Returns the answer for a key; the first caller asks, and if it is cancelled, the next one does.
    pub(super) async fn get(&self, key: K, ask: impl Future<Output = Result<V, Error>>) -> Result<V, Error> {
        let cell = Arc::clone(lock(&self.cells).entry(key).or_default());
        cell.get_or_init(|| ask).await.clone()
    }
}

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self { cells: Mutex::default() }
    }
}
