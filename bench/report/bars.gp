# bench/report/bars.gp · one area's ratios spool / peer as bars
# usage: gnuplot -c bars.gp BARS SVG TITLE
bars = ARG1
rows = system(sprintf("wc -l < '%s'", bars)) + 0
set terminal svg size 900,(90 + 24 * rows) font "sans-serif,12" background "white"
set output ARG2
set title sprintf("%s: time of spool / time of the peer (below 1: spool is faster)", ARG3) noenhanced
set datafile separator "\t"
set logscale x 2
set xrange [0.03125:8]
set yrange [rows - 0.3:-0.7]
set ytics noenhanced
set grid xtics
set style fill solid 0.8
set arrow from 1, graph 0 to 1, graph 1 nohead lc "black"
unset key
clip(x) = x < 0.03125 ? 0.03125 : x > 8 ? 8 : x
plot bars using (1):0:(1):(clip($2)):($0 - 0.35):($0 + 0.35):ytic(1) with boxxyerror lc "#1f77b4", \
     bars using (clip($2) > 1 ? clip($2) * 1.05 : 1.05):0:(sprintf("%.2f", $2)) with labels left
