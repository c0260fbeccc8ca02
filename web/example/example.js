// Shows a run with the browser client: its lines, its progress, the state of
// the connection, and what was missed.
import {watch} from './client.js';

const most = 2000; // lines on the page
const quiet = 3000; // ms between two spoken lines, so that speech keeps up
const at = (id) => document.getElementById(id);
const channel = new URLSearchParams(location.search).get('channel') ||
  'demo:log';
const list = at('lines');

const reasons = {
  evicted: 'the broker keeps them no longer',
  elsewhere: 'the broker was started anew, or another one answers; ' +
    'lines may come twice',
  redis: 'the broker lost Redis',
  restart: 'a part of the broker was restarted',
  slow: 'this page was too slow',
};

let follows = true; // the newest line stays in view
let toSpeak = ''; // newest line that was not spoken
let speech; // timer

function add(text, kind) {
  const item = document.createElement('li');
  item.textContent = text;
  if (kind) item.className = kind;
  list.append(item);
  while (list.childElementCount > most) list.firstElementChild.remove();
  at('empty').hidden = true;
  if (follows) list.scrollTop = list.scrollHeight;
}

// A screen reader hears the first line and, in a while, the newest one.
function speak(text) {
  toSpeak = text;
  speech ??= setTimeout(speakNewest, 0);
}

function speakNewest() {
  at('spoken').textContent = toSpeak;
  speech = setTimeout(() => {
    speech = undefined;
    if (toSpeak != at('spoken').textContent) speakNewest();
  }, quiet);
}

function progress(line) {
  const found = /(\d+)\s*(?:of|\/)\s*(\d+)/.exec(line);
  if (!found || found[2] == 0) return;
  const [, done, all] = found.map(Number);
  at('work').hidden = false;
  at('progress').max = all;
  at('progress').value = Math.min(done, all);
  at('step').textContent =
    `${done} of ${all}, ${Math.floor(100 * Math.min(1, done / all))} %`;
}

function when({since, until}) {
  const time = (text) => new Date(text).toLocaleTimeString();
  return since ? `between ${time(since)} and ${time(until)}` :
    `before ${time(until)}`;
}

at('run').textContent = at('channel').value = at('hint').textContent = channel;
document.title = `${channel} – status2`;
list.addEventListener('scroll', () => {
  follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  at('newest').hidden = follows;
});
at('newest').addEventListener('click', () => {
  list.scrollTop = list.scrollHeight;
  list.focus();
});

const lines = watch(new URL('./' + channel, location.href), {tail: 256});
lines.addEventListener('message', ({data}) => {
  add(data);
  progress(data);
  speak(data);
});
lines.addEventListener('gap', ({data}) => {
  const {cause} = data;
  add(`Lines may be missing here, ${when(data)}: ${reasons[cause] ?? cause}.`,
    'gap');
  at('missed').hidden = false;
  at('missed').textContent = lines.missed == 1 ?
    'Lines may be missing in one place.' :
    `Lines may be missing in ${lines.missed} places.`;
});
lines.addEventListener('state', ({data: {state, reason}}) => {
  at('state').textContent = state;
  at('state').dataset.state = state;
  at('state').title = reason;
});
