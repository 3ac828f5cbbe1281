// A page that shows by itself what is ready by then. Loaded again, a document in a frame keeps the page around it as its
// Referer, which a meta refresh would replace by itself.
setTimeout(() => location.reload(), 3000);

export {};
