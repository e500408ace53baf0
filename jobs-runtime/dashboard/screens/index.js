// The screens, in the order of the navigation. A screen is loaded when it is first shown.

/**
 * @typedef {object} ScreenEntry
 * @property {string} name the first segment of its address
 * @property {string} label
 * @property {string} [icon] in the navigation
 * @property {() => Promise<any>} load
 * @property {() => Promise<any>} [detail] the page of one thing
 * @property {string} [key] of the keyboard, after `g`
 */

/** @type {ScreenEntry[]} */
export const screens = [
  { name: 'overview', label: 'Overview', icon: 'overview', key: 'o', load: () => import('./overview.js') },
  { name: 'failures', label: 'Failures', icon: 'failures', key: 'f', load: () => import('./failures.js') },
  { name: 'executions', label: 'Executions', icon: 'executions', key: 'e', load: () => import('./executions.js'), detail: () => import('./execution.js') },
  { name: 'jobs', label: 'Jobs', icon: 'jobs', key: 'j', load: () => import('./jobs.js'), detail: () => import('./job.js') },
  { name: 'queues', label: 'Queues', icon: 'queues', key: 'q', load: () => import('./queues.js') },
  { name: 'schedules', label: 'Schedules', icon: 'schedules', key: 's', load: () => import('./schedules.js'), detail: () => import('./schedule.js') },
  { name: 'system', label: 'System', icon: 'system', key: 'y', load: () => import('./system.js') },
];

/** The screen of an address. @param {string[]} path @returns {ScreenEntry | undefined} */
export function screenOf(path) {
  const name = path[0] ?? screens[0].name;
  return screens.find((one) => one.name === name);
}
