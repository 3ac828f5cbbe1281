document.querySelector("#choose").addEventListener("submit", (event) => {
  event.preventDefault();
  location.href = `/watch/${encodeURIComponent(new FormData(event.target).get("id").trim())}`;
});
