//! Objects by their names, so that each of many patches finds its own without looking at all of them.

use std::collections::HashMap;
use std::rc::Rc;

use super::resource::Resource;
use super::selector::unhashed;

/// Where the objects of each name stand, present names and former ones. A name that is no more stays: who asks looks
/// at what is there.
#[derive(Default)]
pub(super) struct Named {
    /// None until somebody asks.
    places: Option<HashMap<String, Vec<usize>>>,
}

impl Named {
    /// Returns where objects stand that have or had a name, in order.
    pub fn called(&mut self, name: &str, resources: &[Rc<Resource>]) -> Vec<usize> {
        let places = self.places.get_or_insert_with(|| {
            let mut places = HashMap::with_capacity(resources.len());
            resources.iter().enumerate().for_each(|(at, resource)| add(&mut places, at, resource));
            places
        });
        places.get(name).cloned().unwrap_or_default()
    }

    /// Takes over the names that an object has now.
    pub fn note(&mut self, at: usize, resource: &Resource) {
        if let Some(places) = &mut self.places {
            add(places, at, resource);
        }
    }

    /// Begins anew: objects stand elsewhere, or have other names.
    pub fn forget(&mut self) {
        self.places = None;
    }
}

fn add(places: &mut HashMap<String, Vec<usize>>, at: usize, resource: &Resource) {
    let former = resource.before.iter().map(|id| id.name.as_str());
    for name in former.chain([resource.name()]) {
        note_name(places, at, name);
        let unhashed = unhashed(name);
        if unhashed != name {
            note_name(places, at, &unhashed);
        }
    }
}

fn note_name(places: &mut HashMap<String, Vec<usize>>, at: usize, name: &str) {
    match places.get_mut(name) {
        None => {
            places.insert(name.to_owned(), vec![at]);
        }
        Some(known) => {
            if let Err(place) = known.binary_search(&at) {
                known.insert(place, at);
            }
        }
    }
}
