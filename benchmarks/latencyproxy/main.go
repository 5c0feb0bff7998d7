// Latencyproxy is an HTTP server that passes requests on to another one, and each answer back after a while.
//
//	latencyproxy <listen address> <address of the server> <milliseconds>
package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"os"
	"strconv"
	"time"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("latencyproxy: needs an address, the server's address, and milliseconds")
	}
	milliseconds, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1024
	transport.DisableCompression = true
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Director: func(r *http.Request) { // it keeps the name of the host, which is signed
			r.URL.Scheme, r.URL.Host = "http", os.Args[2]
		},
		ModifyResponse: func(*http.Response) error {
			time.Sleep(time.Duration(milliseconds) * time.Millisecond)
			return nil
		},
	}
	log.Fatal(http.ListenAndServe(os.Args[1], proxy))
}
