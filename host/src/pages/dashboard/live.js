(() => {
  const list = document.getElementById("events"), told = document.getElementById("live");
  if (!list || !told || !window.EventSource) return;
  const most = 50, button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  told.after(button);
  let source;
  const say = (text, next) => { told.textContent = text; button.textContent = next; };
  const follow = () => {
    source = new EventSource(list.dataset.stream);
    source.onopen = () => say("Live: what happens now appears at the top.", "Pause");
    source.onerror = () => source.readyState === EventSource.CLOSED
      ? say("The live list has ended.", "Go on") : say("Connecting again…", "Pause");
    source.onmessage = (message) => {
      list.insertAdjacentHTML("afterbegin", message.data);
      while (list.children.length > most) list.lastElementChild.remove();
      const first = list.querySelector("[data-id]");
      list.dataset.stream = list.dataset.stream.replace(/after=[^&]*/, "after=" + first.dataset.id);
      document.getElementById("nothing")?.remove();
    };
    say("Connecting…", "Pause");
  };
  button.onclick = () => {
    if (source.readyState === EventSource.CLOSED) return follow();
    source.close();
    say("Paused.", "Go on");
  };
  follow();
})();
