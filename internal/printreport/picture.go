package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// bars draws two values for each name, from 0 to top.
func bars(title string, names []string, values [][2]float64, legend [2]string, top float64) []byte {
	const left, width, line, head = 240, 460, 26, 60
	var w bytes.Buffer
	height := head + line*len(names) + 20
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", left+width+70, height)
	fmt.Fprintf(&w, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n"+`<text x="10" y="20" font-size="15">%s</text>`+"\n", html.EscapeString(title))
	colours := [2]string{"#27548a", "#d08a3c"}
	for i, l := range legend {
		fmt.Fprintf(&w, `<rect x="%d" y="30" width="12" height="12" fill="%s"/><text x="%d" y="40">%s</text>`+"\n", left+i*160, colours[i], left+i*160+17, html.EscapeString(l))
	}
	for i := range 5 {
		x := left + width*i/4
		fmt.Fprintf(&w, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#ddd"/><text x="%d" y="%d" text-anchor="middle" fill="#555">%.3g</text>`+"\n", x, head-8, x, height-20, x, height-6, top*float64(i)/4)
	}
	for i, name := range names {
		y := head + line*i
		fmt.Fprintf(&w, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-8, y+14, html.EscapeString(name))
		for k, v := range values[i] {
			fmt.Fprintf(&w, `<rect x="%d" y="%d" width="%.1f" height="9" fill="%s"/>`+"\n", left, y+1+10*k, width*min(v/top, 1), colours[k])
		}
	}
	w.WriteString("</svg>\n")
	return w.Bytes()
}

func (r *report) recallPicture() []byte {
	var names []string
	var values [][2]float64
	for _, x := range append(append([]row{}, r.rows...), r.unrelated[:2]...) {
		names = append(names, x.name)
		values = append(values, [2]float64{ratio(x.sum.family[0].recall, x.sum.models), ratio(x.sum.family[1].recall, x.sum.models)})
	}
	return bars("Models found by two or more bands", names, values, [2]string{"band", "bandp"}, 1)
}

func (r *report) bitsPicture() []byte {
	var names []string
	var values [][2]float64
	for _, x := range append(append([]row{}, r.rows...), r.unrelated[:2]...) {
		names = append(names, x.name)
		f := x.sum.family
		values = append(values, [2]float64{ratio(f[0].wrong, f[0].bits), ratio(f[1].wrong, f[1].bits)})
	}
	return bars("Share of a tensor's bits that change", names, values, [2]string{"band", "bandp"}, 0.5)
}

// chancePicture is the distance of unrelated bands beside the binomial of 48
// fair bits, as logarithms to base 10.
func (r *report) chancePicture() []byte {
	const left, width, top, height = 60, 600, 40, 300
	const floor = -8.0
	var w bytes.Buffer
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n"+`<rect width="100%%" height="100%%" fill="#fff"/>`+"\n", left+width+20, top+height+40)
	fmt.Fprintf(&w, `<text x="10" y="20" font-size="15">Bits of 48 that differ between bands of unrelated tensors</text>`+"\n")
	at := func(d int, p float64) (x, y float64) {
		return left + float64(width*d)/48, top + height*max(math.Log10(p), floor)/floor
	}
	for e := 0; e >= int(floor); e -= 2 {
		y := top + height*e/int(floor)
		fmt.Fprintf(&w, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#ddd"/><text x="%d" y="%d" text-anchor="end" fill="#555">1e%d</text>`+"\n", left, y, left+width, y, left-6, y+4, e)
	}
	for d := 0; d <= 48; d += 8 {
		x, _ := at(d, 1)
		fmt.Fprintf(&w, `<text x="%.1f" y="%d" text-anchor="middle" fill="#555">%d</text>`+"\n", x, top+height+18, d)
	}
	w.WriteString(`<polyline fill="none" stroke="#999" stroke-dasharray="4 3" points="`)
	choose := 1.0
	for d := range 49 {
		if d > 0 {
			choose = choose * float64(49-d) / float64(d)
		}
		x, y := at(d, choose*math.Exp2(-48))
		fmt.Fprintf(&w, "%.1f,%.1f ", x, y)
	}
	w.WriteString(`"/>` + "\n")
	for f, colour := range []string{"#27548a", "#d08a3c"} {
		n := 0
		for _, k := range r.near[f] {
			n += k
		}
		for d, k := range r.near[f] {
			if k > 0 {
				x, y := at(d, float64(k)/float64(n))
				fmt.Fprintf(&w, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s" fill-opacity="0.8"/>`+"\n", x, y, colour)
			}
		}
		fmt.Fprintf(&w, `<circle cx="%d" cy="%d" r="4" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", left+20, top+12+18*f, colour, left+30, top+16+18*f, familyNames()[f])
	}
	fmt.Fprintf(&w, `<text x="%d" y="%d" fill="#777">dashed: 48 fair, independent bits</text>`+"\n</svg>\n", left+16, top+52)
	return w.Bytes()
}
