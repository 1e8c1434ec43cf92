/* A clock for timer.js: browsers slow the timers of pages in the background, not those of workers. */
"use strict";
setInterval(() => postMessage(0), 1000);
