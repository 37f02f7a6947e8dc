//! The engine without the host: the same settings, a store, an instance and a call, and nothing else.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, UpdateDeadline};

wasmtime::component::bindgen!({ path: "wit", world: "scorer", exports: { default: async } });

pub use self::exports::pillarbox::plugin::content_scoring::Message;

const MIB: usize = 1024 * 1024;

/// A component, ready to be called.
pub struct Bare {
    pub engine: Engine,
    linked: ScorerPre<()>,
}

/// An engine as the host sets its own up.
pub fn engine() -> Engine {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(65)
        .total_core_instances(65 * 64)
        .max_core_instances_per_component(64)
        .total_tables(65 * 4)
        .max_tables_per_component(4)
        .total_memories(65)
        .max_memories_per_component(1)
        .total_stacks(65)
        .max_memory_size(64 * MIB)
        .table_elements(20_000)
        .linear_memory_keep_resident(2 * MIB)
        .table_keep_resident(512 * 1024);
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(512 * 1024)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).expect("the engine starts")
}

impl Bare {
    pub fn of(component: &[u8]) -> Bare {
        let engine = engine();
        let component = Component::from_binary(&engine, component).expect("it compiles");
        let linked = Linker::new(&engine).instantiate_pre(&component).and_then(ScorerPre::new).expect("it links");
        Bare { engine, linked }
    }

    fn store(&self) -> Store<()> {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
        store
    }

    /// A store, an instance, and both gone again.
    pub fn instantiate(&self) {
        let mut store = self.store();
        ready(self.linked.instantiate_async(&mut store)).expect("it is instantiated");
    }

    /// A store, an instance, a call, and all gone again.
    pub fn score(&self, message: &Message) -> usize {
        let mut store = self.store();
        let call = async {
            let instance = self.linked.instantiate_async(&mut store).await?;
            instance.pillarbox_plugin_content_scoring().call_score(&mut store, message, &Vec::new()).await
        };
        ready(call).expect("it does not trap").expect("it judges").findings.len()
    }
}

/// The result of a call that never has to wait.
fn ready<T>(call: impl Future<Output = T>) -> T {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("nothing yields here"),
    }
}

/// A message with a subject and perhaps html.
pub fn message(html: Option<String>) -> Message {
    Message {
        from: None,
        reply_to: None,
        to: Vec::new(),
        subject: Some("News".into()),
        html,
        text: None,
        headers: Vec::new(),
        attachments: Vec::new(),
        attributes: Vec::new(),
    }
}
