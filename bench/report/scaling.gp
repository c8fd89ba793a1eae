# bench/report/scaling.gp · speed-up against workers, what computes and what waits side by side
# usage: gnuplot -c scaling.gp RESULTS SVG
results = ARG1
set terminal svg size 960,420 font "sans-serif,13" background "white"
set output ARG2
set multiplot layout 1,2
set logscale xy 2
set xlabel "workers"
set ylabel "speed-up against serial"
set key top left
set grid
set xrange [0.9:*]
set yrange [0.5:*]
do for [kind in "computes waits"] {
  set title sprintf("work that %s", kind)
  curve(way) = sprintf("%s/%s.%s.speed", results, kind, way)
  have_python = system(sprintf("test -f '%s' && echo 1 || echo 0", curve("CPython"))) + 0
  if (have_python) {
    plot curve("spool") using 1:2 with linespoints lw 2 pt 7 lc "#1f77b4" title "spool", \
         curve("CPython") using 1:2 with linespoints lw 2 pt 5 lc "#d62728" title "CPython", \
         x with lines dt 2 lc "gray" title "ideal, one processor each"
  } else {
    plot curve("spool") using 1:2 with linespoints lw 2 pt 7 lc "#1f77b4" title "spool", \
         x with lines dt 2 lc "gray" title "ideal, one processor each"
  }
}
