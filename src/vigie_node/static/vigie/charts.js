// SPDX-License-Identifier: Apache-2.0
// Draws charts from the rows beside them, as SVG; the table behind each is the page's own.
// Tooltips are drawn, not written as HTML: the pages allow no inline style.

import { nameOf } from "./countries.js";

const LANGUAGE = document.documentElement.lang || "en";
const NUMBER = new Intl.NumberFormat(LANGUAGE);
const SERIES = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5"];
let library;
let countries;

export async function startCharts(part) {
  const waiting = [...part.querySelectorAll("[data-chart]:not([data-drawn])")];
  if (!waiting.length) return;
  waiting.forEach((element) => element.setAttribute("data-drawn", ""));
  const echarts = await load();
  for (const element of waiting) await draw(echarts, element);
}

function load() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${document.body.dataset.static}vendor/echarts.min.js`;
    script.onload = () => resolve(window.echarts);
    script.onerror = reject;
    document.head.append(script);
  });
  return library;
}

async function draw(echarts, element) {
  const of = JSON.parse(document.getElementById(element.dataset.chart).textContent);
  element.closest(".chart").classList.add("is-drawn");
  if (of.drawing === "countries") await loadCountries(echarts);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chart;
  const paint = () => {
    chart?.dispose();
    chart = echarts.init(element, null, { renderer: "svg" });
    chart.setOption({ ...common(), ...PLANS[of.drawing](of) });
  };
  paint();
  dark.addEventListener("change", paint);
  new ResizeObserver(() => chart.resize()).observe(element);
}

async function loadCountries(echarts) {
  countries ??= fetch(`${document.body.dataset.static}vendor/countries.json`).then((answer) => answer.json());
  const world = await countries;
  world.features = world.features.filter((one) => one.properties.name !== "AQ");
  for (const { geometry } of world.features) {
    const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    parts.forEach((part) => part.forEach(unbroken));
  }
  echarts.registerMap("world", world);
}

// A coast that crosses the date line goes on beyond 180 degrees, instead of back across the whole map.
function unbroken(ring) {
  const east = ring.map((point) => point[0]);
  if (Math.max(...east) - Math.min(...east) <= 180) return;
  for (const point of ring) if (point[0] < 0) point[0] += 360;
}

function ink(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function common() {
  return {
    animation: false,
    color: SERIES.map(ink),
    textStyle: { color: ink("--quiet"), fontFamily: "inherit", fontSize: 13 },
    tooltip: {
      renderMode: "richText", backgroundColor: ink("--surface"), textStyle: { color: ink("--text") },
      valueFormatter: (value) => NUMBER.format(value),
    },
  };
}

// What is counted by month has no days on its axis; months are named in the language of the page.
const DAY_MS = 24 * 3600 * 1000;
const isByMonth = (of) => of.rows.every((row) => row[0].endsWith("-01"));
const step = (of) => (isByMonth(of) ? 28 : 1) * DAY_MS;

function namesOfDays(of) {
  const year = new Intl.DateTimeFormat(LANGUAGE, { month: "short", year: "numeric" });
  const name = new Intl.DateTimeFormat(LANGUAGE, isByMonth(of) ? { month: "short" } : { month: "short", day: "numeric" });
  return (at, index) => {
    const day = new Date(at);
    return (index === 0 || day.getMonth() === 0 ? year : name).format(day);
  };
}

function sayOfDay(of) {
  const day = new Intl.DateTimeFormat(LANGUAGE, isByMonth(of) ? { month: "long", year: "numeric" } : { dateStyle: "long" });
  return (one) => `${day.format(new Date(`${one.value[0]}T00:00`))}\n${one.seriesName}: ${NUMBER.format(one.value[1])}`;
}

function axes(of, type) {
  const line = { lineStyle: { color: ink("--line") } };
  const label = { color: ink("--quiet") };
  return {
    grid: { left: 8, right: 24, top: 40, bottom: 8, containLabel: true },
    legend: of.columns.length > 2 ? { top: 0, left: 0, textStyle: { color: ink("--text") } } : undefined,
    xAxis: {
      type, axisLine: line, axisLabel: { ...label, hideOverlap: true, ...(type === "time" ? { formatter: namesOfDays(of) } : {}) },
      ...(type === "time" ? { minInterval: step(of) } : {}),
    },
    yAxis: {
      type: "value", minInterval: 1, splitLine: line, axisLabel: { ...label, formatter: (value) => NUMBER.format(value) }, nameTextStyle: { ...label, align: "left" },
      name: of.columns.length === 2 ? of.columns[1] : undefined,
    },
  };
}

const values = (of, index) => of.rows.map((row) => [row[0], row[index]]);

const PLANS = {
  time: (of) => ({
    ...axes(of, "time"),
    series: of.columns.slice(1).map((name, index) => ({
      name, type: "bar", stack: "all", barMaxWidth: 28, barMinWidth: 3, data: values(of, index + 1),
      tooltip: { formatter: sayOfDay(of) },
    })),
  }),
  bars: (of) => ({
    ...axes(of, "category"),
    series: of.columns.slice(1).map((name, index) => ({
      name, type: "bar", barMaxWidth: 32, data: values(of, index + 1),
    })),
  }),
  countries: (of) => {
    const most = Math.max(1, ...of.rows.map((row) => row[1]));
    return {
      visualMap: {
        min: 0, max: most, left: 8, bottom: 8, orient: "horizontal", itemHeight: 100, itemWidth: 12,
        text: [NUMBER.format(most), NUMBER.format(0)], inRange: { color: [ink("--accent-soft"), ink("--accent")] }, textStyle: { color: ink("--quiet") },
      },
      series: [{
        type: "map", map: "world", tooltip: { formatter: (one) => `${nameOf(one.name)}: ${NUMBER.format(one.value || 0)}` }, roam: false, name: of.columns[1], top: 8, bottom: 40, left: 8, right: 8,
        itemStyle: { areaColor: ink("--sunken"), borderColor: ink("--line-strong"), borderWidth: 0.4 },
        emphasis: { label: { show: false }, itemStyle: { areaColor: ink("--series-2") } }, selectedMode: false,
        data: of.rows.map((row) => ({ name: row[0], value: row[1] })),
      }],
    };
  },
};
